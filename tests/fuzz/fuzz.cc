// The libFuzzer entry. One program for all readers; METAPLASTIC_FUZZ_READER names the one.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "readers.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string reader = [] {
    const char* name = std::getenv("METAPLASTIC_FUZZ_READER");
    if (name == nullptr || !metaplastic::fuzz::is_reader(name)) {
      std::fprintf(stderr, "METAPLASTIC_FUZZ_READER: expected the name of a reader, found %s\n",
                   name == nullptr ? "nothing" : name);
      std::exit(2);
    }
    return std::string(name);
  }();
  metaplastic::fuzz::read_bytes_as(reader, {data, size});
  return 0;
}
