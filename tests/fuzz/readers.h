// Every reader of foreign bytes behind one call: what libFuzzer drives and the tests replay.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace metaplastic::fuzz {

// csv, npy, png, ...: also the names of the corpus folders.
std::vector<std::string> reader_names();
bool is_reader(const std::string& name);

// Reads the bytes as that reader's file, uses what comes out as the program does, and returns. An
// input that is refused must be refused by Error with one short, printable line; anything else that
// goes wrong aborts, as a sanitizer would.
void read_bytes_as(const std::string& reader, std::span<const std::uint8_t> bytes);

// The smallest rule and the checkpoint of the smallest run, as FOLDER/rule.good and
// FOLDER/checkpoint.good.
void write_good_files(const std::string& folder);

}  // namespace metaplastic::fuzz
