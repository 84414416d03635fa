// Features of all rows as points of a plane; the mouse, a finger or the arrow keys choose one.

const MARGIN = 14;

class Scatter {
  constructor(canvas, onChoose) {
    this.canvas = canvas;
    this.points = new Float32Array(0);
    this.labels = null;
    this.chosen = -1;
    this.onChoose = onChoose;
    canvas.addEventListener("pointerdown", (event) => {
      const box = canvas.getBoundingClientRect();
      this.choose(this.nearest(event.clientX - box.left, event.clientY - box.top));
    });
    canvas.addEventListener("keydown", (event) => this.onKey(event));
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  show(points, labels) {
    this.points = points;
    this.labels = labels;
    this.draw();
  }

  get count() {
    return this.points.length / 2;
  }

  choose(row) {
    this.chosen = row;
    this.draw();
    this.onChoose(row);
  }

  // Pixel coordinates of all points. A few far ones do not squeeze the others.
  place(width, height) {
    const ends = [0, 1].map((axis) => {
      const values = Array.from({ length: this.count }, (_, n) => this.points[2 * n + axis]).sort((a, b) => a - b);
      const at = (share) => values[Math.min(values.length - 1, Math.floor(share * values.length))];
      return [at(0.002), at(0.998)];
    });
    const placed = new Float32Array(this.points.length);
    [width, height].forEach((size, axis) => {
      const [low, high] = ends[axis];
      const scale = (size - 2 * MARGIN) / (high - low || 1);
      for (let n = 0; n < this.count; ++n) {
        const at = MARGIN + (this.points[2 * n + axis] - low) * scale;
        placed[2 * n + axis] = Math.max(4, Math.min(size - 4, axis === 0 ? at : size - at));
      }
    });
    return placed;
  }

  nearest(x, y, allowed = () => true) {
    let best = -1, least = Infinity;
    for (let n = 0; n < this.count; ++n) {
      const dx = this.placed[2 * n] - x, dy = this.placed[2 * n + 1] - y;
      const distance = dx * dx + dy * dy;
      if (distance < least && allowed(dx, dy)) {
        least = distance;
        best = n;
      }
    }
    return best;
  }

  onKey(event) {
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const way = ways[event.key];
    if (!way || this.count === 0) return;
    event.preventDefault();
    if (this.chosen < 0) {
      this.choose(this.nearest(this.canvas.clientWidth / 2, this.canvas.clientHeight / 2));
      return;
    }
    const [x, y] = [this.placed[2 * this.chosen], this.placed[2 * this.chosen + 1]];
    const next = this.nearest(x, y, (dx, dy) => {
      const along = dx * way[0] + dy * way[1];
      return along > 0.5 && along >= Math.abs(dx * way[1] + dy * way[0]);
    });
    if (next >= 0) this.choose(next);
  }

  // Where the classifier says what: each small square has the colour of its nearest point's class.
  drawRegions(context, width, height) {
    const { predicted } = this.labels;
    const cell = 12;
    const bins = new Map();
    const key = (x, y) => Math.floor(x / 36) + 1000 * Math.floor(y / 36);
    for (let n = 0; n < this.count; ++n) {
      const at = key(this.placed[2 * n], this.placed[2 * n + 1]);
      if (!bins.has(at)) bins.set(at, []);
      bins.get(at).push(n);
    }
    context.globalAlpha = 0.18;
    for (let y = 0; y < height; y += cell) {
      for (let x = 0; x < width; x += cell) {
        let best = -1, least = 36 * 36;
        for (const [dx, dy] of [[-36, -36], [0, -36], [36, -36], [-36, 0], [0, 0], [36, 0], [-36, 36], [0, 36], [36, 36]]) {
          for (const n of bins.get(key(x + 6 + dx, y + 6 + dy)) || []) {
            const distance = (this.placed[2 * n] - x - 6) ** 2 + (this.placed[2 * n + 1] - y - 6) ** 2;
            if (distance < least) [best, least] = [n, distance];
          }
        }
        if (best < 0) continue;
        context.fillStyle = colour(predicted[best]);
        context.fillRect(x, y, cell, cell);
      }
    }
    context.globalAlpha = 1;
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const context = sharp(this.canvas);
    if (this.count === 0 || width === 0) return;
    this.placed = this.place(width, height);
    const { given, predicted } = this.labels;
    if (predicted) this.drawRegions(context, width, height);
    const style = getComputedStyle(this.canvas);
    const dot = this.count > 3000 ? 1.6 : 2.4;
    const circle = (n, radius) => {
      context.beginPath();
      context.arc(this.placed[2 * n], this.placed[2 * n + 1], radius, 0, 2 * Math.PI);
    };
    for (let n = 0; n < this.count; ++n) {
      context.fillStyle = predicted ? colour(predicted[n]) : style.getPropertyValue("--dot");
      circle(n, dot);
      context.fill();
    }
    context.strokeStyle = style.color;
    for (let n = 0; n < this.count; ++n) {
      if (given[n] < 0) continue;
      context.fillStyle = colour(given[n]);
      context.lineWidth = 1.5;
      circle(n, 5);
      context.fill();
      context.stroke();
    }
    if (this.chosen < 0) return;
    context.lineWidth = 2.5;
    circle(this.chosen, 9);
    context.stroke();
  }
}
