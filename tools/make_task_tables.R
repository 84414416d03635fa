#!/usr/bin/env Rscript
# Writes real tables to meta-train on as FOLDER/FRAME.LABEL.csv, with the label in column `class`:
# the data frames of the installed Debian packages r-cran-* (docs/tasks.md names them). None comes
# from a table that results are reported on: those are left out by name and by their columns.
#
# tools/make_task_tables.R FOLDER [TABLES ...]     TABLES: csv files that no frame may resemble

suppressPackageStartupMessages({
  library(class)
  library(MASS)
})

kMostRows <- 2000
kFewestRows <- 100
kFewestOfClass <- 25
kFewestColumns <- 6           # beside the label
kMostClasses <- 12
kMostColumns <- 200
kMostLabels <- 3              # of a frame
kMostTried <- 10
kRowsTried <- 400
kKappa <- c(0.15, 0.98)       # of a label that can be told from the other columns, but not read off
kReported <- paste0(
  "iris|crab|glass|fgl|vehicle|vowel|segment|satel|sat$|letter|pima|diabetes|sonar|ionos|musk|spam|",
  "vote|soybean|dna|wine|breast|w[dp]bc|biopsy|brca|gbsg|digit|mnist|zip|cancer|sample_data|fashion")

arguments <- commandArgs(trailingOnly = TRUE)
if (length(arguments) < 1) {
  message("make_task_tables.R: expected a folder to write to; run tools/make_task_tables.R FOLDER")
  quit(status = 2)
}
folder <- arguments[1]
dir.create(folder, showWarnings = FALSE, recursive = TRUE)

is_category <- function(v) is.factor(v) || is.character(v) || is.logical(v)

# One text for each column of numbers: the same for the same values in any order.
signatures <- function(frame) {
  numbers <- Filter(function(v) is.numeric(v) && length(unique(v)) > 10, as.list(frame))
  vapply(numbers, function(v) {
    v <- as.numeric(v)
    paste(signif(c(mean(v, na.rm = TRUE), sd(v, na.rm = TRUE), quantile(v, c(0.3, 0.7), na.rm = TRUE)), 4),
          collapse = " ")
  }, "")
}

# Columns that a table may have, rows without a missing value.
clean <- function(frame) {
  frame <- as.data.frame(frame)
  usable <- vapply(frame, function(v) {
    if (!is.null(dim(v)) || mean(is.na(v)) > 0.1) return(FALSE)
    levels <- length(unique(v[!is.na(v)]))
    if (is_category(v)) levels >= 2 && levels <= 25
    else is.numeric(v) && levels >= 2 && !inherits(v, c("Date", "POSIXct", "difftime"))
  }, TRUE)
  frame <- frame[, usable, drop = FALSE]
  # Numbers of rows and of people.
  is_index <- vapply(frame, function(v) is.numeric(v) && !is_category(v) &&
    length(unique(v)) == length(v) && isTRUE(all(abs(diff(sort(as.numeric(v)))) == 1)), TRUE)
  frame <- frame[, !is_index, drop = FALSE]
  frame <- frame[complete.cases(frame), , drop = FALSE]
  for (name in names(frame)) {
    v <- frame[[name]]
    frame[[name]] <- if (is_category(v)) factor(as.character(v)) else as.numeric(v)
  }
  if (nrow(frame) > kMostRows) frame <- frame[sample(nrow(frame), kMostRows), , drop = FALSE]
  if (ncol(frame) > kMostColumns) frame <- frame[, seq_len(kMostColumns), drop = FALSE]
  frame
}

# A column as classes: its values where they are few, else thirds of a number. Rare classes are NA.
as_classes <- function(v) {
  values <- length(unique(v))
  if (!is.factor(v) && values > kMostClasses)
    v <- cut(v, unique(quantile(v, 0:3 / 3)), include.lowest = TRUE)
  v <- as.character(v)
  sizes <- base::table(v)
  v[!v %in% names(sizes)[sizes >= kFewestOfClass]] <- NA
  classes <- length(unique(v[!is.na(v)]))
  if (classes < 2 || classes > kMostClasses || mean(is.na(v)) > 0.3) NULL else v
}

# Cohen's kappa of the better of neighbours and linear discriminants.
kappa_of <- function(inputs, classes) {
  if (nrow(inputs) > kRowsTried) {
    rows <- sample(nrow(inputs), kRowsTried)
    inputs <- inputs[rows, , drop = FALSE]
    classes <- classes[rows]
  }
  inputs <- inputs[, vapply(inputs, function(v) length(unique(v)) > 1, TRUE), drop = FALSE]
  x <- model.matrix(~ . - 1, inputs)
  x <- scale(x[, apply(x, 2, sd) > 1e-9, drop = FALSE])
  if (ncol(x) < 3) return(0)
  agreement <- function(found) {
    chance <- sum(prop.table(base::table(classes))^2)
    (mean(found == classes) - chance) / (1 - chance)
  }
  near <- agreement(as.character(knn.cv(x, classes, 5)))
  linear <- tryCatch(agreement(as.character(suppressWarnings(lda(x, classes, CV = TRUE))$class)),
                     error = function(e) 0)
  max(near, linear, na.rm = TRUE)
}

write_labels <- function(name, frame) {
  found <- list()
  # Of many columns, those with the frame's own classes first.
  order_of <- order(!vapply(frame, is.factor, TRUE), sample(ncol(frame)))
  for (label in names(frame)[head(order_of, kMostTried)]) {
    classes <- as_classes(frame[[label]])
    keep <- !is.na(classes)
    if (is.null(classes) || sum(keep) < kFewestRows) next
    inputs <- droplevels(frame[keep, setdiff(names(frame), label), drop = FALSE])
    inputs <- inputs[, vapply(inputs, function(v) length(unique(v)) > 1, TRUE), drop = FALSE]
    if (ncol(inputs) < kFewestColumns) next
    kappa <- kappa_of(inputs, classes[keep])
    if (kappa < kKappa[1] || kappa > kKappa[2]) next
    names(inputs) <- paste0("x", seq_along(inputs))
    inputs$class <- paste0("c", as.integer(factor(classes[keep])))
    found[[label]] <- list(table = inputs, kappa = kappa, is_own = is.factor(frame[[label]]))
  }
  if (length(found) == 0) return(0)
  # The frame's own classes first, then the labels that are told best.
  order_of <- order(-vapply(found, function(f) f$is_own + f$kappa, 0))
  for (label in names(found)[head(order_of, kMostLabels)]) {
    file <- paste0(name, ".", gsub("[^A-Za-z0-9]", "_", label), ".csv")
    table <- found[[label]]$table
    # Categories by their numbers, with a letter, so that they are read as categories.
    table[] <- lapply(table, function(v) if (is.factor(v)) paste0("k", as.integer(v)) else v)
    write.csv(table, file.path(folder, file), row.names = FALSE, quote = FALSE)
    cat(sprintf("%s %d rows, %d columns, %d classes, kappa %.2f\n", file, nrow(table),
                ncol(table) - 1, length(unique(table$class)), found[[label]]$kappa))
  }
  min(length(found), kMostLabels)
}

seen <- character(0)
for (path in arguments[-1]) seen <- c(seen, signatures(read.csv(path)))
num_frames <- num_tables <- 0
packages <- sort(basename(list.dirs(.libPaths(), recursive = FALSE)))
for (package in unique(packages)) {
  items <- tryCatch(suppressWarnings(data(package = package)$results[, "Item"]), error = function(e) NULL)
  for (item in sort(as.character(items))) {
    name <- sub(" .*", "", item)
    if (grepl(kReported, name, ignore.case = TRUE)) next
    place <- new.env()
    frame <- tryCatch({
      suppressWarnings(data(list = sub(".*\\((.*)\\)", "\\1", item), package = package, envir = place))
      get(name, envir = place)
    }, error = function(e) NULL)
    if (!is.data.frame(frame) || nrow(frame) < kFewestRows || ncol(frame) <= kFewestColumns) next
    set.seed(1)
    own <- signatures(frame)
    is_known <- length(own) > 0 && mean(own %in% seen) > 0.3
    seen <- union(seen, own)
    if (is_known) next
    frame <- tryCatch(clean(frame), error = function(e) NULL)
    if (is.null(frame) || nrow(frame) < kFewestRows || ncol(frame) <= kFewestColumns) next
    written <- tryCatch(write_labels(paste(package, name, sep = "-"), frame), error = function(e) 0)
    num_frames <- num_frames + (written > 0)
    num_tables <- num_tables + written
  }
}
cat(num_tables, "tables of", num_frames, "data frames in", folder, "\n")
