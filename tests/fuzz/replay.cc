// Runs every file of a corpus through its reader, without libFuzzer: `replay FOLDER...`, where each
// folder holds one sub-folder per reader. Under a sanitizer build this is the regression test of
// what the fuzzers found.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "readers.h"

namespace fs = std::filesystem;

namespace {

int replay_folder(const fs::path& folder) {
  int count = 0;
  for (const std::string& reader : metaplastic::fuzz::reader_names()) {
    if (!fs::is_directory(folder / reader)) continue;
    for (const auto& entry : fs::directory_iterator(folder / reader)) {
      std::ifstream file(entry.path(), std::ios::binary);
      const std::string content((std::istreambuf_iterator<char>(file)), {});
      metaplastic::fuzz::read_bytes_as(
          reader, {reinterpret_cast<const std::uint8_t*>(content.data()), content.size()});
      ++count;
    }
  }
  return count;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string(argv[1]) == "--readers") {
    for (const std::string& name : metaplastic::fuzz::reader_names()) std::puts(name.c_str());
    return 0;
  }
  if (argc == 3 && std::string(argv[1]) == "--good") {
    metaplastic::fuzz::write_good_files(argv[2]);
    return 0;
  }
  if (argc < 2) {
    std::fprintf(stderr, "usage: fuzz_replay FOLDER... | --readers | --good FOLDER\n");
    return 2;
  }
  int count = 0;
  for (int n = 1; n < argc; ++n) count += replay_folder(argv[n]);
  std::printf("%d files read or refused as they should be\n", count);
  return count > 0 ? 0 : 1;
}
