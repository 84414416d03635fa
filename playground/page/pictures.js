// Small pictures on canvases: filters of the first layer, and the row that is chosen.

// The canvas at the screen's resolution, cleared.
function sharp(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

// Of values around 0, each filter scaled by itself: blue below, white at, red above.
function filterPixels(filters, unit, [height, width, channels], image) {
  const size = height * width * channels;
  const values = filters.subarray(unit * size, (unit + 1) * size);
  let most = 1e-12;
  for (const value of values) most = Math.max(most, Math.abs(value));
  for (let n = 0; n < height * width; ++n) {
    let sum = 0;
    for (let c = 0; c < channels; ++c) sum += values[n * channels + c];
    const share = sum / channels / most;
    const [to, strength] = share > 0 ? [[178, 24, 43], share] : [[33, 102, 172], -share];
    for (let c = 0; c < 3; ++c) image.data[4 * n + c] = 247 + (to[c] - 247) * Math.min(1, strength);
    image.data[4 * n + 3] = 255;
  }
}

// As many filters as fit, row by row. Rows of a table are wide strips, so fewer stand side by side.
function drawFilters(canvas, { filters, filter, units }) {
  const context = sharp(canvas);
  const [height, width] = filter;
  const shown = Math.min(units, 64);
  const area = canvas.clientWidth * canvas.clientHeight;
  const gap = 3;
  let across = 1;
  if (height > 1) across = Math.ceil(Math.sqrt((shown * canvas.clientWidth * height) / (canvas.clientHeight * width)));
  const down = Math.ceil(shown / across);
  const box = Math.min(canvas.clientWidth / across, (canvas.clientHeight / down) * (height > 1 ? width / height : 1e9));
  const tall = height > 1 ? (box * height) / width : canvas.clientHeight / down;
  if (area === 0) return;
  const small = document.createElement("canvas");
  small.width = width;
  small.height = height;
  const smallContext = small.getContext("2d");
  const image = smallContext.createImageData(width, height);
  context.imageSmoothingEnabled = false;
  for (let unit = 0; unit < shown; ++unit) {
    filterPixels(filters, unit, filter, image);
    smallContext.putImageData(image, 0, 0);
    const space = Math.min(gap, tall / 4);
    context.drawImage(small, (unit % across) * box, Math.floor(unit / across) * tall, box - space, tall - space);
  }
}

function drawRow(canvas, { side, white, pixels }, row) {
  const context = sharp(canvas);
  const small = document.createElement("canvas");
  small.width = small.height = side;
  const smallContext = small.getContext("2d");
  const image = smallContext.createImageData(side, side);
  for (let n = 0; n < side * side; ++n) {
    const value = (255 * pixels[row * side * side + n]) / white;
    image.data.set([value, value, value, 255], 4 * n);
  }
  smallContext.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, canvas.clientWidth, canvas.clientHeight);
}
