// Node's side of a channel for test/fuzz/python_decoder.py: what is fuzzed becomes a message, as a hostile Node could write it, and
// the worker's answers are read. A module for Python: everything in isthmus._native, and what is below.
#include <algorithm>
#include <vector>

#include "channel_ends.h"
#include "decoder_input.h"
#include "python/channel.h"
#include "python/numpy.h"
#include "python/process.h"
#include "python/raise.h"

PyMODINIT_FUNC PyInit__native();

#ifdef ISTHMUS_LIBFUZZER
namespace isthmus::decoder {
PyObject* fuzz(PyObject*, PyObject* arguments) noexcept;
}
#endif

namespace isthmus::test {

void fail(const char* file, int line, const char* expression, const std::string& detail) {
  std::fprintf(stderr, "%s:%d: %s %s\n", file, line, expression, detail.c_str());
  std::abort();
}

}  // namespace isthmus::test

namespace {

using namespace isthmus;
using namespace isthmus::python;
using isthmus::test::RawNode;
using isthmus::test::WrittenMessage;

struct Peer {
  Peer() {
    Control& control = *reinterpret_cast<Control*>(node.control_segment.data());
    const uint8_t* records = node.control_segment.data() + kRecordsOffset + RawNode::kRing;
    consumer = Consumer(control.rings[1], records, RawNode::kRing);
  }
  RawNode node;
  Consumer consumer;
};

Peer* peer = nullptr;
Channel* channel = nullptr;

// A new conversation, in place of one that has ended. What is left of that one must not be in use any more.
PyObject* open_channel(PyObject*, PyObject*) noexcept {
  if (!load_numpy()) return nullptr;
  Channel* last = channel;
  delete peer;
  peer = new Peer();
  channel = keep_process_channel(std::move(peer->node.worker));
  delete last;
  return make_channel(*channel);
}

// Writes what the input stands for. False if the ring cannot take so long a message.
PyObject* deliver(PyObject*, PyObject* input) noexcept {
  char* bytes = nullptr;
  Py_ssize_t length = 0;
  if (PyBytes_AsStringAndSize(input, &bytes, &length) != 0) return nullptr;
  std::vector<uint8_t> message =
      decoder::message_of(reinterpret_cast<const uint8_t*>(bytes), static_cast<size_t>(length), RawNode::kOwnId);
  const bool fits = !message.empty() && message.size() <= peer->node.producer.max_record_bytes();
  if (fits) {
    CHECK_EQ(peer->node.producer.claim(static_cast<uint32_t>(message.size()), 0), Status::kOk);
    peer->node.producer.commit(message.data());
  }
  return PyBool_FromLong(fits);
}

// What the worker has sent: (kind, id, payload). Its blocks are given back.
PyObject* answers(PyObject*, PyObject*) noexcept {
  Ref<> list(PyList_New(0));
  std::vector<LeaseReturn> returns;
  Consumer::Record record;
  while (peer->consumer.peek(record) == Status::kOk) {
    const std::vector<uint8_t> copy(record.data, record.data + record.bytes);
    if (!verify_message(copy.data(), static_cast<uint32_t>(copy.size()))) {
      PyErr_SetString(PyExc_AssertionError, "the worker has sent what cannot be verified");
      return nullptr;
    }
    const wire::Message& message = *wire::GetMessage(copy.data());
    const auto give_back = [&returns](const wire::Place& place) {
      if (value(place.arena()) == RawNode::kWorkerId)
        returns.push_back(LeaseReturn{RawNode::kWorkerId, value(place.block()), 1});
    };
    if (message.spill() != nullptr) give_back(*message.spill());
    if (message.tensors() != nullptr)
      for (const wire::Tensor* tensor : *message.tensors()) {
        if (!fits_block(*tensor, value(tensor->place()->length()))) {
          PyErr_SetString(PyExc_AssertionError, "the worker has sent a tensor that leaves its block");
          return nullptr;
        }
        give_back(*tensor->place());
      }
    const auto* payload = message.payload();
    const Ref<> bytes(
        PyBytes_FromStringAndSize(payload == nullptr ? "" : reinterpret_cast<const char*>(payload->data()),
                                  static_cast<Py_ssize_t>(payload == nullptr ? 0 : payload->size())));
    const Ref<> answer(
        Py_BuildValue("ikO", static_cast<int>(message.kind()), static_cast<unsigned long>(message.id()), bytes.get()));
    if (!answer || PyList_Append(list.get(), answer.get()) != 0) return nullptr;
    peer->consumer.release();
  }
  for (const LeaseReturn& lease : returns) peer->node.write(WrittenMessage::returns({lease}));
  return list.take();
}

// Blocks that something in this process still refers to.
PyObject* held(PyObject*, PyObject*) noexcept {
  const LedgerStats stats = channel->ledger().stats();
  return PyLong_FromUnsignedLongLong(stats.own_blocks + stats.borrowed_blocks);
}

PyObject* is_valid(PyObject*, PyObject*) noexcept { return PyBool_FromLong(channel->ledger().is_valid()); }

PyMethodDef functions[] = {
    {"open", open_channel, METH_NOARGS, ""},
    {"deliver", deliver, METH_O, ""},
    {"answers", answers, METH_NOARGS, ""},
    {"held", held, METH_NOARGS, ""},
    {"is_valid", is_valid, METH_NOARGS, ""},
#ifdef ISTHMUS_LIBFUZZER
    {"fuzz", isthmus::decoder::fuzz, METH_VARARGS, ""},
#endif
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

PyMODINIT_FUNC PyInit_decoder_peer() {
  PyObject* module = PyInit__native();
  return module != nullptr && PyModule_AddFunctions(module, functions) == 0 ? module : nullptr;
}
