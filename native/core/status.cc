#include "core/status.h"

namespace isthmus {

const char* status_code(Status status) noexcept {
  switch (status) {
#define ISTHMUS_STATUS_CODE(name, code, sentence) \
  case Status::name:                              \
    return code;
    ISTHMUS_STATUSES(ISTHMUS_STATUS_CODE)
#undef ISTHMUS_STATUS_CODE
  }
  return "ERR_UNKNOWN";
}

const char* status_sentence(Status status) noexcept {
  switch (status) {
#define ISTHMUS_STATUS_SENTENCE(name, code, sentence) \
  case Status::name:                                  \
    return sentence;
    ISTHMUS_STATUSES(ISTHMUS_STATUS_SENTENCE)
#undef ISTHMUS_STATUS_SENTENCE
  }
  return "unknown status";
}

}  // namespace isthmus
