// Data sets as the engine reads them: the digits that come with the page, a table, or pictures.
// Each source gives {files, request} for the engine's load, and pixels for the page where it has them.

// A .npy file of bytes.
function npy(shape, bytes) {
  let head = `{'descr': '|u1', 'fortran_order': False, 'shape': (${shape.join(", ")},), }`;
  head = head.padEnd(64 * Math.ceil((head.length + 11) / 64) - 11) + "\n";
  const start = Uint8Array.from([0x93, 78, 85, 77, 80, 89, 1, 0, head.length & 255, head.length >> 8]);
  const file = new Uint8Array(10 + head.length + bytes.length);
  file.set(start);
  file.set(new TextEncoder().encode(head), 10);
  file.set(bytes, 10 + head.length);
  return file;
}

async function unpackAsset(name) {
  const packed = Uint8Array.from(atob(assets[name]), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function digits() {
  const x = await unpackAsset("digits-x.npy");
  const y = await unpackAsset("digits-y.npy");
  const side = 8;
  const first = 10 + x[8] + 256 * x[9];
  return {
    files: { "x.npy": x, "y.npy": y },
    request: { spec: "npy:/data/x.npy,/data/y.npy", name: "digits", max: 16 },
    pictures: { side, channels: 1, white: 16, pixels: x.subarray(first) },
    program: "digits",
  };
}

async function table(file, label) {
  const spec = "csv:/data/table.csv,missing=mean,categorical=onehot" + (label ? `,label=${label}` : "");
  const named = `csv:${file.name},missing=mean,categorical=onehot` + (label ? `,label=${label}` : "");
  return {
    files: { "table.csv": new Uint8Array(await file.arrayBuffer()) },
    request: { spec, name: named },
    program: named,
  };
}

// The largest square in the middle of each picture, grey, at side x side. Folders give classes.
async function pictures(files, side, onProgress) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  const pixels = [], classes = [], left = [];
  for (const [n, file] of files.entries()) {
    onProgress(n, files.length);
    let picture;
    try {
      picture = await createImageBitmap(file);
    } catch {
      left.push(file.name);
      continue;
    }
    const size = Math.min(picture.width, picture.height);
    context.fillStyle = "white";
    context.fillRect(0, 0, side, side);
    context.drawImage(picture, (picture.width - size) / 2, (picture.height - size) / 2, size, size,
      0, 0, side, side);
    const rgba = context.getImageData(0, 0, side, side).data;
    const grey = new Uint8Array(side * side);
    for (let i = 0; i < grey.length; ++i) {
      grey[i] = Math.round(0.299 * rgba[4 * i] + 0.587 * rgba[4 * i + 1] + 0.114 * rgba[4 * i + 2]);
    }
    pixels.push(grey);
    const folders = (file.webkitRelativePath || "").split("/");
    classes.push(folders.length > 2 ? folders[folders.length - 2] : "");
  }
  if (pixels.length === 0) throw new Error("expected pictures that the browser can show, found none");
  const all = new Uint8Array(pixels.length * side * side);
  pixels.forEach((picture, n) => all.set(picture, n * side * side));
  const notes = left.length ? [`${left.length} files are no pictures and were left out: ${left[0]}, ..`] : [];
  return {
    files: { "x.npy": npy([pixels.length, side, side], all) },
    request: { spec: "npy:/data/x.npy", name: "pictures" },
    pictures: { side, channels: 1, white: 255, pixels: all },
    classes,
    notes,
    program: `images:FOLDER,size=${side},grey=yes`,
  };
}
