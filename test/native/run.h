// A test runner in two files. A test is a claim:
//
//   TEST("a full ring refuses and changes nothing") {
//     CHECK(ring.push(1));
//     CHECK_EQ(ring.size(), 1u);
//   }
//
// CHECK and CHECK_EQ record a failure and go on, REQUIRE leaves the test. Each test runs in a
// process of its own under a watchdog, so a crash or a hang fails that test only. A test may fork
// and use threads.
#pragma once

#include <concepts>
#include <sstream>
#include <string>
#include <utility>

namespace isthmus::test {

using Body = void (*)();

struct Registration {
  Registration(const char* name, const char* file, Body body);
};

// Records a failure of the running test. `detail` may be empty.
void fail(const char* file, int line, const char* expression, const std::string& detail);

// Has the running test failed?
bool has_failed();

// Extends the watchdog of the running test (60 s, counted from now).
void deadline(unsigned seconds);

template <typename T>
std::string show(const T& value) {
  if constexpr (requires(std::ostream& out) { out << value; }) {
    std::ostringstream out;
    out << std::boolalpha;
    if constexpr (sizeof(T) == 1 && std::integral<T> && !std::same_as<T, bool>) {
      out << static_cast<int>(value);
    } else {
      out << value;
    }
    return out.str();
  } else if constexpr (requires { static_cast<long long>(value); }) {
    return std::to_string(static_cast<long long>(value));
  } else {
    return "?";
  }
}

template <typename A, typename B>
bool equal(const A& a, const B& b) {
  if constexpr (std::integral<A> && std::integral<B> && !std::same_as<A, bool> && !std::same_as<B, bool> &&
                !std::same_as<A, char> && !std::same_as<B, char>) {
    return std::cmp_equal(a, b);
  } else {
    return a == b;
  }
}

template <typename A, typename B>
bool check_eq(const A& a, const B& b, const char* file, int line, const char* expression) {
  if (equal(a, b)) return true;
  fail(file, line, expression, show(a) + " is not " + show(b));
  return false;
}

}  // namespace isthmus::test

#define ISTHMUS_JOIN2(a, b) a##b
#define ISTHMUS_JOIN(a, b) ISTHMUS_JOIN2(a, b)

#define TEST(name)                                                                       \
  static void ISTHMUS_JOIN(test_body_, __LINE__)();                                      \
  static const ::isthmus::test::Registration ISTHMUS_JOIN(test_registration_, __LINE__)( \
      name, __FILE__, ISTHMUS_JOIN(test_body_, __LINE__));                               \
  static void ISTHMUS_JOIN(test_body_, __LINE__)()

#define CHECK(...)                                                                   \
  do {                                                                               \
    if (!(__VA_ARGS__)) ::isthmus::test::fail(__FILE__, __LINE__, #__VA_ARGS__, ""); \
  } while (false)

#define REQUIRE(...)                                               \
  do {                                                             \
    if (!(__VA_ARGS__)) {                                          \
      ::isthmus::test::fail(__FILE__, __LINE__, #__VA_ARGS__, ""); \
      return;                                                      \
    }                                                              \
  } while (false)

#define CHECK_EQ(a, b) ::isthmus::test::check_eq((a), (b), __FILE__, __LINE__, #a " == " #b)

#define REQUIRE_EQ(a, b)                                                                \
  do {                                                                                  \
    if (!::isthmus::test::check_eq((a), (b), __FILE__, __LINE__, #a " == " #b)) return; \
  } while (false)
