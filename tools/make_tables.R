#!/usr/bin/env Rscript
# Writes the 16 tables of docs/notebook/recipe-log.md, "Tables", as FOLDER/NAME.csv: numbers, and a last column
# `class`. They come with Debian: apt-get install r-base-core r-cran-mlbench r-cran-kernlab
# r-cran-mass weka. Rows are shuffled, at most 6,000 of them; classes of fewer than 25 rows and rows
# with a missing number are left out.
#
# tools/make_tables.R FOLDER

library(kernlab)
library(MASS)
library(mlbench)

kMostRows <- 6000
kFewestOfClass <- 25
folder <- commandArgs(trailingOnly = TRUE)
if (length(folder) != 1) {
  message("make_tables.R: expected a folder to write to; run tools/make_tables.R FOLDER")
  quit(status = 2)
}
dir.create(folder, showWarnings = FALSE, recursive = TRUE)

write_table <- function(name, table, label) {
  kinds <- paste0("c", as.integer(factor(table[[label]])))
  table[[label]] <- NULL
  numbers <- sapply(table, is.numeric)
  columns <- as.data.frame(lapply(table[, numbers, drop = FALSE], as.numeric))
  names(columns) <- paste0("x", seq_along(columns))
  columns$class <- kinds
  columns <- columns[complete.cases(columns), ]
  sizes <- base::table(columns$class)
  columns <- columns[columns$class %in% names(sizes)[sizes >= kFewestOfClass], ]
  set.seed(1)
  columns <- head(columns[sample(nrow(columns)), ], kMostRows)
  path <- file.path(folder, paste0(name, ".csv"))
  write.csv(columns, path, row.names = FALSE, quote = FALSE)
  cat(path, nrow(columns), "rows,", ncol(columns) - 1, "columns,",
      length(unique(columns$class)), "classes\n")
}

# Of mlbench, MASS and R itself.
of_package <- function(name) get(data(list = name, envir = environment()))

# Codes of categories as numbers; a missing one is its column's mean.
as_codes <- function(table, label) {
  for (column in setdiff(names(table), label)) {
    codes <- as.numeric(table[[column]])
    codes[is.na(codes)] <- mean(codes, na.rm = TRUE)
    table[[column]] <- codes
  }
  table
}

read_arff <- function(paths) {
  lines <- unlist(lapply(paths, readLines))
  read.csv(text = unique(grep("^[@%]|^ *$", lines, value = TRUE, invert = TRUE)), header = FALSE)
}

ionosphere <- of_package("Ionosphere")
ionosphere$V1 <- as.numeric(ionosphere$V1)
ionosphere$V2 <- NULL  # the same in all rows
vowel <- of_package("Vowel")
vowel$V1 <- NULL  # the speaker
dna <- of_package("DNA")
dna[1:180] <- lapply(dna[1:180], function(bit) as.numeric(as.character(bit)))
crabs <- of_package("crabs")
crabs$kind <- paste(crabs$sp, crabs$sex)
crabs$index <- NULL
votes <- of_package("HouseVotes84")
votes[2:17] <- lapply(votes[2:17], function(vote) ifelse(is.na(vote), 0, ifelse(vote == "y", 1, -1)))

write_table("iris", iris, "Species")
write_table("crabs", crabs, "kind")
write_table("glass", of_package("Glass"), "Type")
write_table("vehicle", of_package("Vehicle"), "Class")
write_table("vowel", vowel, "Class")
segment <- file.path("/usr/share/doc/weka/examples", c("segment-challenge.arff", "segment-test.arff"))
write_table("segment", read_arff(segment), "V20")
write_table("satellite", of_package("Satellite"), "classes")
write_table("letter", of_package("LetterRecognition"), "lettr")
write_table("pima", of_package("PimaIndiansDiabetes"), "diabetes")
write_table("sonar", of_package("Sonar"), "Class")
write_table("ionosphere", ionosphere, "Class")
write_table("musk", of_package("musk"), "Class")
write_table("spam", of_package("spam"), "type")
write_table("votes", votes, "Class")
write_table("soybean", as_codes(of_package("Soybean"), "Class"), "Class")
write_table("dna", dna, "Class")
