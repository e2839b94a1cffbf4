// Lets libFuzzer drive a function of Python. The extension is instrumented by the compiler; for Python's own lines a trace
// function counts in libFuzzer's extra counters, so both languages guide it.
#include <Python.h>
#include <frameobject.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "decoder_input.h"

extern "C" int LLVMFuzzerRunDriver(int* argc, char*** argv, int (*one)(const uint8_t* data, size_t size));
extern "C" size_t __sanitizer_get_current_allocated_bytes();

namespace isthmus::decoder {

namespace {

__attribute__((section("__libfuzzer_extra_counters"))) uint8_t lines_run[1 << 14];

constexpr uint64_t kCollect = 8192;   // inputs
constexpr size_t kLeak = 256u << 20;  // bytes that no input needs, and that a small leak reaches in some minutes
PyObject* one_input = nullptr;

int count_line(PyObject*, PyFrameObject* frame, int what, PyObject*) {
  if (what != PyTrace_LINE && what != PyTrace_CALL) return 0;
  PyCodeObject* code = PyFrame_GetCode(frame);
  const auto file = static_cast<uint64_t>(PyObject_Hash(code->co_filename));
  Py_DECREF(reinterpret_cast<PyObject*>(code));
  const uint64_t place = (file + static_cast<uint64_t>(PyFrame_GetLineNumber(frame))) * 0x9e3779b97f4a7c15u;
  uint8_t& count = lines_run[place >> 50];
  if (count < 255) ++count;
  return 0;
}

void look_for_leaks() {
  static uint64_t runs = 0;
  static size_t at_first = 0;
  if (++runs % kCollect != 0) return;
  PyGC_Collect();
  const size_t now = __sanitizer_get_current_allocated_bytes();
  if (at_first == 0) at_first = now;
  if (now < at_first + kLeak) return;
  std::fprintf(stderr, "memory has grown from %zu to %zu bytes in %llu inputs\n", at_first, now,
               static_cast<unsigned long long>(runs));
  std::abort();
}

int run_one(const uint8_t* data, size_t size) {
  PyObject* input = PyBytes_FromStringAndSize(reinterpret_cast<const char*>(data), static_cast<Py_ssize_t>(size));
  PyObject* result = PyObject_CallOneArg(one_input, input);
  Py_XDECREF(input);
  if (result == nullptr) {
    PyErr_Print();
    std::abort();  // libFuzzer keeps the input
  }
  Py_DECREF(result);
  look_for_leaks();
  return 0;
}

}  // namespace

// fuzz(one, *arguments of libFuzzer): does not return.
PyObject* fuzz(PyObject*, PyObject* arguments) noexcept {
  std::vector<std::string> texts{"python_decoder"};
  one_input = PyTuple_GetItem(arguments, 0);
  for (Py_ssize_t at = 1; at < PyTuple_Size(arguments); ++at)
    texts.emplace_back(PyUnicode_AsUTF8(PyTuple_GetItem(arguments, at)));
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  int count = static_cast<int>(texts.size());
  char** list = pointers.data();
  PyEval_SetTrace(count_line, nullptr);
  return PyLong_FromLong(LLVMFuzzerRunDriver(&count, &list, run_one));
}

}  // namespace isthmus::decoder

extern "C" __attribute__((visibility("default"))) size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size,
                                                                                 size_t room, unsigned int seed) {
  return isthmus::decoder::mutate(data, size, room, seed);
}
