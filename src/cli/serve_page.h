// One page over HTTP, for browsers on this machine only.
#pragma once

#include <functional>
#include <string>

namespace metaplastic {

// Listens on 127.0.0.1 until a signal asks to stop, and answers GET / with what `page` returns
// then; an Error of it becomes status 500 and its line. Port 0: a free one. `on_ready` takes the
// port when it is open. Requests under another host's name are refused, so that no web site can
// read the page through a name of its own. Throws Error when the port cannot be opened.
void serve_page(const std::function<std::string()>& page, int port,
                const std::function<void(int port)>& on_ready);

}  // namespace metaplastic
