// Labels that the user has given: one number for each row, -1 where there is none.

// Okabe and Ito's colours, told apart with any colour vision, and four more.
const COLOURS = ["#e69f00", "#56b4e9", "#009e73", "#d55e00", "#0072b2", "#cc79a7", "#b5a900", "#8b5cf6",
  "#7a7a7a", "#b4532a"];
const colour = (label) => COLOURS[label % COLOURS.length];

class Labels {
  constructor(rows, classes, known) {
    this.classes = [...classes];
    this.known = known; // the data's own labels, -1 or missing where there are none
    this.given = new Int32Array(rows).fill(-1);
    this.predicted = null;
    this.byInputs = null;
  }

  get count() {
    return this.given.reduce((sum, label) => sum + (label >= 0), 0);
  }

  get numClasses() {
    return new Set(this.given.filter((label) => label >= 0)).size;
  }

  add(name) {
    const found = this.classes.indexOf(name);
    if (found >= 0) return found;
    this.classes.push(name);
    return this.classes.length - 1;
  }

  get canReveal() {
    return Boolean(this.known) && this.known.some((label, row) => label >= 0 && this.given[row] < 0);
  }

  // The data's own labels of up to `count` more rows for each class, drawn at random.
  reveal(count, random = Math.random) {
    const left = this.classes.map(() => count);
    const rows = [...this.given.keys()];
    for (let n = rows.length - 1; n > 0; --n) {
      const other = Math.floor(random() * (n + 1));
      [rows[n], rows[other]] = [rows[other], rows[n]];
    }
    for (const row of rows) {
      const label = this.known[row];
      if (label < 0 || this.given[row] >= 0 || left[label] === 0) continue;
      this.given[row] = label;
      --left[label];
    }
  }

  clear() {
    this.given.fill(-1);
    this.predicted = this.byInputs = null;
  }

  // Share of the other rows with a label of the data's own that a prediction has right, or null.
  accuracy(predicted) {
    if (!this.known || !predicted) return null;
    let right = 0, all = 0;
    this.known.forEach((label, row) => {
      if (label < 0 || this.given[row] >= 0) return;
      ++all;
      right += predicted[row] === label;
    });
    return all > 0 ? { share: right / all, rows: all } : null;
  }
}
