// CPython through its limited API, and the two scopes that every file here needs.
#pragma once

#ifndef Py_LIMITED_API
#define Py_LIMITED_API 0x030b0000
#endif
#include <Python.h>

#include <utility>

namespace isthmus::python {

// Owns one reference to a Python object, or nothing. Needs the GIL.
template <typename T = PyObject>
class Ref {
 public:
  Ref() noexcept = default;
  explicit Ref(T* owned) noexcept : object_(owned) {}
  explicit Ref(PyObject* owned) noexcept
    requires(!std::is_same_v<T, PyObject>)
      : object_(reinterpret_cast<T*>(owned)) {}
  Ref(Ref&& from) noexcept : object_(from.take()) {}
  Ref& operator=(Ref&& from) noexcept {
    T* old = std::exchange(object_, from.take());
    Py_XDECREF(reinterpret_cast<PyObject*>(old));
    return *this;
  }
  ~Ref() { Py_XDECREF(reinterpret_cast<PyObject*>(object_)); }

  [[nodiscard]] T* get() const noexcept { return object_; }
  [[nodiscard]] PyObject* object() const noexcept { return reinterpret_cast<PyObject*>(object_); }
  T* take() noexcept { return std::exchange(object_, nullptr); }
  explicit operator bool() const noexcept { return object_ != nullptr; }

 private:
  T* object_ = nullptr;
};

// The GIL is released for the lifetime of this scope.
class WithoutGil {
 public:
  WithoutGil() noexcept : state_(PyEval_SaveThread()) {}
  WithoutGil(const WithoutGil&) = delete;
  WithoutGil& operator=(const WithoutGil&) = delete;
  ~WithoutGil() { PyEval_RestoreThread(state_); }

 private:
  PyThreadState* state_;
};

}  // namespace isthmus::python
