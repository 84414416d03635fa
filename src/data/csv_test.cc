#include <gtest/gtest.h>

#include <cmath>

#include "data/csv_cells.h"
#include "data/csv_header.h"
#include "data/dataset_test_files.h"
#include "data/read_csv.h"

namespace metaplastic {
namespace {

using Cells = std::vector<std::string>;
using CellRows = std::vector<Cells>;

CellRows records(const std::string& text, char delimiter = 0) {
  CsvReader reader(text, "a.csv", delimiter);
  CellRows rows;
  Cells fields;
  while (reader.next(fields)) rows.push_back(fields);
  return rows;
}

TEST(Csv, DelimitersAreFound) {
  EXPECT_EQ(CsvReader("a,b\n1,2\n", "x").delimiter(), ',');
  EXPECT_EQ(CsvReader("a;b\n1,5;2,5\n", "x").delimiter(), ';');
  EXPECT_EQ(CsvReader("a|b\n1,5|2,5\n", "x").delimiter(), '|');
  EXPECT_EQ(CsvReader("a b\n1  2\n", "x").delimiter(), ' ');
  EXPECT_EQ(CsvReader("sep=|\na|b\nu|v\n", "x").delimiter(), '|');
  // Bars and blanks inside words divide nothing.
  EXPECT_EQ(CsvReader("name\nnew york\nlos angeles\n", "x").delimiter(), ',');
  EXPECT_EQ(CsvReader("id,genre\n1,a|b\n2,c|d\n", "x").delimiter(), ',');
  EXPECT_EQ(CsvReader("x\n1,5\n2,5\n", "x").delimiter(), ';');  // one column of decimals
}

TEST(Csv, BlanksInRunsAreOneDelimiter) {
  EXPECT_EQ(records("  a   b\tc\n 1  2  3  \r\n\n4 \"5 6\" 7", ' '),
            (CellRows{{"a", "b", "c"}, {"1", "2", "3"}, {"4", "5 6", "7"}}));
}

TEST(Csv, WhatStandsAroundTheRecordsIsCounted) {
  CsvReader reader("\xef\xbb\xbf# made by\n\n# a,b\n1,2\n\n# no record, at all, this\n3,4\n\n",
                   "x");
  EXPECT_EQ(reader.last_comment(), " a,b");
  reader.set_num_fields(2);
  Cells fields;
  ASSERT_TRUE(reader.next(fields));
  EXPECT_EQ(reader.line(), 4);
  ASSERT_TRUE(reader.next(fields));
  EXPECT_EQ(fields, (Cells{"3", "4"}));
  EXPECT_EQ(reader.line(), 7);
  EXPECT_FALSE(reader.next(fields));
  EXPECT_EQ(reader.num_comments(), 3);
  EXPECT_EQ(reader.num_blank_lines(), 1);
}

TEST(Csv, HeadersWithoutTheNameOfRowNames) {
  EXPECT_TRUE(CsvReader("a b\n1 2.5 3.5\n2 4.5 5.5\n", "x").short_header());
  EXPECT_FALSE(CsvReader("a b c\n1 2.5 3.5\n", "x").short_header());
}

TEST(Csv, NumbersInTwoStyles) {
  EXPECT_EQ(parse_number("1,5", Decimal::kComma), 1.5);
  EXPECT_EQ(parse_number("-2,5e3", Decimal::kComma), -2500);
  EXPECT_FALSE(parse_number("1.5", Decimal::kComma));
  EXPECT_FALSE(parse_number("1,2,3", Decimal::kComma));
  EXPECT_FALSE(parse_number("1,5", Decimal::kPoint));
  EXPECT_EQ(decimal_hint("0,123"), DecimalHint::kComma);
  EXPECT_EQ(decimal_hint("1,234"), DecimalHint::kEitherComma);
  EXPECT_EQ(decimal_hint("-12.345"), DecimalHint::kEitherPoint);
  EXPECT_EQ(decimal_hint("12.5"), DecimalHint::kPoint);
  EXPECT_EQ(decimal_hint("12"), DecimalHint::kNone);
  EXPECT_EQ(decimal_hint("6,404.2"), DecimalHint::kNone);
}

TEST(Csv, NumbersWrittenForPeople) {
  for (const char* text :
       {"6,404.2", "6.404,2", "1 234", "1'234.5", "1\u00a0234", "1_000", "$5", "5 \u20ac", "12%",
        "inf", "-Infinity", "1e400", "(1,200)", "1,23,456", "-$3.50", "+1,000"}) {
    EXPECT_TRUE(is_written_for_people(text)) << text;
  }
  for (const char* text : {"10-20", "2020-01-01", "12:30", "a1", "5kg", "", "1.2.3", "3+", "$",
                           "1,2,3", "x,y", "0x10"}) {
    EXPECT_FALSE(is_written_for_people(text)) << text;
  }
}

TEST(Csv, MissingAsOthersWriteIt) {
  for (const char* text : {"", "?", "NA", "n/a", "NaN", "#N/A", "<NA>", "None", "NULL", "-nan"}) {
    EXPECT_TRUE(is_missing(text)) << text;
  }
  for (const char* text : {"0", "Na+", "none at all", "nano", "-"}) {
    EXPECT_FALSE(is_missing(text)) << text;
  }
}

TEST(Csv, FirstRowsThatNameColumns) {
  const CellRows decimals = {{"0.5", "1.5", "2.5"}, {"3.25", "0.5", "1.5"}, {"9.5", "8.5", "1.5"}};
  const CellRows whole = {{"5", "1", "4"}, {"3", "7", "4"}, {"9", "2", "6"}};
  const auto judge = [](const Cells& first, const CellRows& below, const Cells& wanted = {}) {
    return judge_first_row(first, below, wanted);
  };
  EXPECT_EQ(judge({"a", "b", "c"}, whole), FirstRow::kNames);
  EXPECT_EQ(judge({"", "b", "c"}, whole), FirstRow::kNames);
  EXPECT_EQ(judge({"Na", "Mg", "Al"}, whole), FirstRow::kNames);
  EXPECT_EQ(judge({"NaN", "None", "null"}, whole), FirstRow::kNames);
  EXPECT_EQ(judge({"0", "1", "2"}, decimals), FirstRow::kNumberNames);
  EXPECT_EQ(judge({"0", "1", "2"}, whole), FirstRow::kNumberNames);
  EXPECT_EQ(judge({"2001", "2002", "2003"}, decimals), FirstRow::kNumberNames);
  EXPECT_EQ(judge({"sample", "2019", "2020"}, whole), FirstRow::kNumberNames);
  EXPECT_EQ(judge({"7", "class", "3"}, {{"1", "u", "2"}, {"3", "v", "1"}}, {"class"}),
            FirstRow::kNumberNames);
  EXPECT_EQ(judge({"5", "2", "4"}, whole), FirstRow::kData);
  EXPECT_EQ(judge({"NaN", "2", "4"}, whole), FirstRow::kData);
  EXPECT_EQ(judge({"NaN", "NaN", "4"}, whole), FirstRow::kData);
  EXPECT_EQ(judge({"6,404.2", "2", "4"}, whole), FirstRow::kData);
  EXPECT_EQ(judge({"1", "2", "3"}, {{"4", "5", "6"}}), FirstRow::kData);
  EXPECT_EQ(judge({"0", "1", "red"}, {{"1", "2", "blue"}, {"2", "1", "red"}}), FirstRow::kData);
}

TEST(Csv, OneColumnHasAPlaceForEveryLine) {
  const TestFolder folder;
  const Dataset data = load_dataset("csv:" + write_test_file(folder, "a.csv", "x\n1.5\n\n2.5\n\n") +
                                    ",missing=zero");
  ASSERT_EQ(data.num_rows(), 3);
  EXPECT_TRUE(std::isnan(row_of(data, 1)[0]));
}

TEST(Csv, DigitsBeyondFloatsAreKept) {
  const TestFolder folder;
  const Dataset data =
      load_dataset("csv:" + write_test_file(folder, "a.csv", "t\n1700000001\n1700000002\n"));
  ASSERT_TRUE(data.is_wide());
  std::vector<double> out(2);
  data.read_wide_rows(0, 2, out);
  EXPECT_EQ(out, (std::vector<double>{1700000001, 1700000002}));
  EXPECT_FALSE(load_dataset("csv:" + write_test_file(folder, "b.csv", "t\n1.5\n2.5\n")).is_wide());
}

}  // namespace
}  // namespace metaplastic
