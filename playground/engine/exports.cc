// The engine's functions as JavaScript calls them: JSON text in, JSON text out; arrays by address.
// An answer {"error": LINE} is for the user.
#include <emscripten.h>
#include <sys/stat.h>

#include <cstdlib>
#include <exception>

#include "base/error.h"
#include "session.h"

using metaplastic::Session;
using Json = nlohmann::json;

namespace {

Session& session() {
  static Session only;
  return only;
}

// Valid until the next call.
template <class Work>
const char* answer_of(const Work& work) {
  static std::string answer;
  try {
    answer = work().dump();
  } catch (const std::bad_alloc&) {
    answer = Json{{"error", "out of memory: use fewer rows or smaller images"}}.dump();
  } catch (const std::exception& error) {
    answer = Json{{"error", error.what()}}.dump();
  }
  return answer.c_str();
}

// clang-format off
EM_JS(void, tell_progress, (int step, int steps), {
  if (Module["onProgress"]) Module["onProgress"](step, steps);
});
// clang-format on

}  // namespace

extern "C" {

EMSCRIPTEN_KEEPALIVE const char* engine_load(const char* request) {
  setenv("METAPLASTIC_SHARE", "/share", 1);
  mkdir("/out", 0777);
  return answer_of([&] { return session().load(Json::parse(request)); });
}

EMSCRIPTEN_KEEPALIVE const char* engine_start(const char* request) {
  return answer_of([&] { return session().start(Json::parse(request), tell_progress); });
}

EMSCRIPTEN_KEEPALIVE const char* engine_advance(int inner_steps) {
  return answer_of([&] { return session().advance(inner_steps); });
}

EMSCRIPTEN_KEEPALIVE const char* engine_classify(const char* request, const int* labels,
                                                 int count) {
  return answer_of([&] {
    return session().classify(Json::parse(request), {labels, static_cast<std::size_t>(count)});
  });
}

EMSCRIPTEN_KEEPALIVE const char* engine_row(const char* request) {
  return answer_of([&] { return session().row(Json::parse(request)); });
}

EMSCRIPTEN_KEEPALIVE const char* engine_save() {
  return answer_of([] { return session().save(); });
}

EMSCRIPTEN_KEEPALIVE const float* engine_filters() { return session().filters().data(); }
EMSCRIPTEN_KEEPALIVE const float* engine_features() { return session().features().data(); }
EMSCRIPTEN_KEEPALIVE const float* engine_points() { return session().points().data(); }
EMSCRIPTEN_KEEPALIVE const int* engine_predicted() { return session().predicted().data(); }
EMSCRIPTEN_KEEPALIVE const int* engine_predicted_by_inputs() {
  return session().predicted_by_inputs().data();
}
EMSCRIPTEN_KEEPALIVE const float* engine_probabilities() {
  return session().probabilities().data();
}
}
