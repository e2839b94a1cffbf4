// Outcomes have names for programs and sentences for people.
#include "core/status.h"

#include <set>
#include <string>

#include "run.h"

using namespace isthmus;

TEST("every status has a code and a sentence of its own") {
  std::set<std::string> codes;
  std::set<std::string> sentences;
  int count = 0;
  for (int each = 0; each <= static_cast<int>(Status::kSystem); ++each, ++count) {
    codes.insert(status_code(static_cast<Status>(each)));
    sentences.insert(status_sentence(static_cast<Status>(each)));
  }
  CHECK_EQ(codes.size(), static_cast<size_t>(count));
  CHECK_EQ(sentences.size(), static_cast<size_t>(count));
  CHECK_EQ(std::string(status_code(Status::kProtocol)), "ERR_PROTOCOL");
}
