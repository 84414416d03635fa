#include "cli/serve_page.h"

#include <httplib.h>

#include <chrono>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "base/stop.h"

namespace metaplastic {
namespace {

constexpr const char* kLoopback = "127.0.0.1";
constexpr int kMaxVisitors = 4;
constexpr auto kPollInterval = std::chrono::milliseconds(100);

bool is_this_machine(const std::string& host) {
  const std::string name = host.substr(0, host.rfind(':'));
  return name == kLoopback || name == "localhost";
}

void answer(const std::function<std::string()>& page, const httplib::Request& request,
            httplib::Response& response) {
  response.set_header("Cache-Control", "no-store");
  response.set_header("X-Content-Type-Options", "nosniff");
  if (!is_this_machine(request.get_header_value("Host"))) {
    response.status = 403;
    response.set_content("this page is for 127.0.0.1 only\n", "text/plain");
    return;
  }
  try {
    response.set_content(page(), "text/html; charset=utf-8");
  } catch (const Error& error) {
    response.status = 500;
    response.set_content(std::string(error.what()) + "\n", "text/plain; charset=utf-8");
  }
}

}  // namespace

void serve_page(const std::function<std::string()>& page, int port,
                const std::function<void(int port)>& on_ready) {
  httplib::Server server;
  server.new_task_queue = [] { return new httplib::ThreadPool(kMaxVisitors); };
  // Not the library's default, which would let two programs share one port.
  server.set_socket_options([](socket_t socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  std::mutex one_at_a_time;  // pages are made from files by code that knows no threads
  server.Get("/", [&](const httplib::Request& request, httplib::Response& response) {
    const std::lock_guard<std::mutex> lock(one_at_a_time);
    answer(page, request, response);
  });
  const int bound = port == 0                              ? server.bind_to_any_port(kLoopback)
                    : server.bind_to_port(kLoopback, port) ? port
                                                           : -1;
  if (bound < 0) {
    fail("--serve: expected a free port, found that {} cannot be opened; give another, or 0", port);
  }
  std::thread watcher([&] {
    while (!stop_requested()) std::this_thread::sleep_for(kPollInterval);
    server.stop();
  });
  on_ready(bound);
  server.listen_after_bind();
  request_stop();  // listening may also end by itself
  watcher.join();
}

}  // namespace metaplastic
