#include "python/dtypes.h"

namespace isthmus::python {

namespace {

enum Code : uint8_t {
  kInt = 0,
  kUint = 1,
  kFloat = 2,
  kBfloat = 4,
  kComplex = 5,
  kBool = 6,
  kDatetime = 128,
  kTimedelta = 129,
};
constexpr const char* kUnits[] = {"Y", "M", "W", "", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as", nullptr};

Ref<PyArray_Descr> make_descr(const char* name) noexcept {
  const Ref<> text(PyUnicode_FromString(name));
  PyArray_Descr* descr = nullptr;
  if (!text || PyArray_DescrConverter(text.get(), &descr) == NPY_FAIL) return Ref<PyArray_Descr>();
  return Ref<PyArray_Descr>(descr);
}

// ml_dtypes' bfloat16, or nullptr. Looked for once: a package does not appear in the middle of a program.
PyArray_Descr* bfloat16_descr() noexcept {
  static PyArray_Descr* descr = nullptr;
  static bool looked = false;
  if (looked) return descr;
  looked = true;
  const Ref<> module(PyImport_ImportModule("ml_dtypes"));
  const Ref<> scalar(module ? PyObject_GetAttrString(module.get(), "bfloat16") : nullptr);
  if (!scalar || PyArray_DescrConverter(scalar.get(), &descr) == NPY_FAIL) PyErr_Clear();
  return descr;
}

PyArray_Descr* time_descr(uint8_t code, uint8_t unit) noexcept {
  static PyArray_Descr* cache[2][15] = {};
  PyArray_Descr*& descr = cache[code - kDatetime][unit];
  if (descr == nullptr) {
    char name[16];
    const char* base = code == kDatetime ? "M8" : "m8";
    if (kUnits[unit] == nullptr)
      PyOS_snprintf(name, sizeof name, "%s", base);
    else
      PyOS_snprintf(name, sizeof name, "%s[%s]", base, kUnits[unit]);
    descr = make_descr(name).take();
  }
  Py_XINCREF(reinterpret_cast<PyObject*>(descr));
  return descr;
}

int type_number(const wire::DType& dtype) noexcept {
  switch (dtype.code()) {
    case kInt:
      return dtype.bits() == 8 ? NPY_INT8 : dtype.bits() == 16 ? NPY_INT16 : dtype.bits() == 32 ? NPY_INT32 : NPY_INT64;
    case kUint:
      return dtype.bits() == 8    ? NPY_UINT8
             : dtype.bits() == 16 ? NPY_UINT16
             : dtype.bits() == 32 ? NPY_UINT32
                                  : NPY_UINT64;
    case kFloat:
      return dtype.bits() == 16 ? NPY_FLOAT16 : dtype.bits() == 32 ? NPY_FLOAT32 : NPY_FLOAT64;
    case kBfloat:
      return NPY_UINT16;
    case kComplex:
      return dtype.bits() == 64 ? NPY_COMPLEX64 : NPY_COMPLEX128;
    default:
      return NPY_BOOL;
  }
}

}  // namespace

bool wire_dtype(PyArray_Descr* descr, wire::DType& out, bool& exact) noexcept {
  const auto bytes = PyDataType_ELSIZE(descr);
  exact = PyArray_ISNBO(descr->byteorder);
  const auto plain = [&](uint8_t code, npy_intp smallest, npy_intp largest) {
    if (bytes < smallest || bytes > largest) return false;
    out = wire::DType(code, static_cast<uint8_t>(bytes * 8), 1, 0);
    return true;
  };
  switch (descr->kind) {
    case 'b':
      return plain(kBool, 1, 1);
    case 'i':
      return plain(kInt, 1, 8);
    case 'u':
      return plain(kUint, 1, 8);
    case 'f':
      return plain(kFloat, 2, 8);
    case 'c':
      return plain(kComplex, 8, 16);
    case 'M':
    case 'm': {
      const auto& meta = reinterpret_cast<PyArray_DatetimeDTypeMetaData*>(PyDataType_C_METADATA(descr))->meta;
      exact = exact && meta.num == 1;
      out = wire::DType(descr->kind == 'M' ? kDatetime : kTimedelta, 64, 1, static_cast<uint8_t>(meta.base));
      return true;
    }
    default: {
      if (!PyTypeNum_ISUSERDEF(descr->type_num) || bytes != 2) return false;
      const PyArray_Descr* bfloat16 = bfloat16_descr();
      return bfloat16 != nullptr && bfloat16->type_num == descr->type_num && plain(kBfloat, 2, 2);
    }
  }
}

PyArray_Descr* numpy_dtype(const wire::DType& dtype) noexcept {
  if (dtype.code() >= kDatetime) return time_descr(dtype.code(), dtype.unit());
  if (dtype.code() == kBfloat) {
    if (PyArray_Descr* descr = bfloat16_descr()) {
      Py_INCREF(reinterpret_cast<PyObject*>(descr));
      return descr;
    }
  }
  return PyArray_DescrFromType(type_number(dtype));
}

}  // namespace isthmus::python
