// Real text that every Debian system has: the descriptions of its installed packages, their
// section (libs, python, fonts, ...) as the class.
#pragma once

#include <string>

namespace metaplastic {

// Writes label TAB text lines, the form text:FILE.tsv, from a dpkg status file. Sections with fewer
// than 20 packages are left out, and those of which there are many keep their first 300 packages;
// of packages with the same description one stays. Throws Error when fewer than 3 sections are left
// or the file is missing.
void write_package_texts(const std::string& status_file, const std::string& tsv);

}  // namespace metaplastic
