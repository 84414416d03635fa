// The page: what is shown when, and what each control does.

const by = (id) => document.getElementById(id);
const percent = (share) => `${(100 * share).toFixed(1)} %`;
const engine = new Engine();
let source = null; // what was loaded (data.js)
let data = null; // the engine's answer
let labels = null;
let frame = null; // the newest state of the network
let learning = false;
const scatter = new Scatter(by("scatter"), showChosen);

function say(id, text, isError = false) {
  by(id).textContent = text;
  by(id).classList.toggle("error", isError);
}

// ---- 1: data

async function load(makeSource) {
  say("data-text", "Reading ..");
  by("start").disabled = true;
  try {
    const next = await makeSource();
    await engine.opened;
    const answer = await engine.call("load", { files: next.files, request: next.request });
    source = next;
    data = answer;
    let known = data.labels.length > 0 ? data.labels : null;
    let classes = data.classes;
    if (source.classes && source.classes.some((name) => name)) {
      classes = [...new Set(source.classes.filter((name) => name))].sort();
      known = source.classes.map((name) => classes.indexOf(name));
    }
    labels = new Labels(data.rows, classes, known);
    frame = null;
    scatter.chosen = -1;
    scatter.show(new Float32Array(0), labels);
    drawFilters(by("filters"), { filters: new Float32Array(0), filter: [1, 1, 1], units: 0 });
    by("layers").disabled = data.kind !== "image";
    say("data-text", [data.text, ...data.notes, ...(source.notes || [])].join(". ") + ".");
    say("learn-text", "No network yet.");
    by("start").disabled = false;
    by("progress").value = 0;
    showClasses();
    showResult();
    showChosen(-1);
  } catch (error) {
    say("data-text", error.message, true);
  }
}

function chooseSource() {
  const value = document.querySelector("input[name=source]:checked").value;
  for (const part of document.querySelectorAll("[data-source]")) part.hidden = part.dataset.source !== value;
  if (value === "digits") load(digits);
  else say("data-text", value === "table" ? "Choose a file with a line for each example." : "Choose pictures.");
}

async function chooseTable(isNew) {
  const file = by("table-file").files[0];
  if (!file) return;
  if (isNew) by("table-label").replaceChildren(new Option("none", ""));
  await load(() => table(file, by("table-label").value));
  if (!isNew || !data) return;
  const names = [...new Set(data.columns.map((name) => name.split("=")[0]))];
  by("table-label").append(...names.map((name) => new Option(name, name)));
}

function choosePictures(files) {
  if (files.length === 0) return;
  const side = Number(by("picture-side").value);
  load(() => pictures([...files], side, (n, all) => say("data-text", `Reading picture ${n + 1} of ${all} ..`)));
}

for (const input of document.querySelectorAll("input[name=source]")) input.addEventListener("change", chooseSource);
by("table-file").addEventListener("change", () => chooseTable(true));
by("table-label").addEventListener("change", () => chooseTable(false));
let pictureFiles = [];
for (const id of ["picture-files", "picture-folder"]) {
  by(id).addEventListener("change", () => choosePictures((pictureFiles = by(id).files)));
}
by("picture-side").addEventListener("change", () => choosePictures(pictureFiles));

// ---- 2: learning

engine.onProgress = ({ step, steps }) => {
  by("progress").value = step / steps;
  say("learn-text", `Lower layers: step ${step} of ${steps}.`);
};

engine.onFrame = (next) => {
  frame = next;
  by("progress").value = frame.step / frame.steps;
  say("learn-text", `Step ${frame.step} of ${frame.steps}.`);
  scatter.show(frame.points, labels);
  drawFilters(by("filters"), frame);
};

new ResizeObserver(() => frame && drawFilters(by("filters"), frame)).observe(by("filters"));

async function learn() {
  learning = true;
  by("start").textContent = "Stop";
  labels.predicted = labels.byInputs = null;
  const begin = performance.now();
  try {
    const request = { rule: by("rule").value, steps: Number(by("steps").value), seed: Number(by("seed").value) };
    request.layers = data.kind === "image" ? by("layers").value : "mlp";
    const done = await engine.call("learn", { request });
    const seconds = (performance.now() - begin) / 1000;
    say("learn-text", [`${done.stopped ? "Stopped" : "Done"} after ${done.step} steps, ${seconds.toFixed(1)} seconds`,
      ...done.notes, ...done.health].join(". ") + ".");
    by("save-encoder").disabled = false;
    say("command", `metaplastic embed --model encoder.safetensors --data ${source.program} --out features.npy`);
    await classify();
  } catch (error) {
    say("learn-text", error.message, true);
  }
  learning = false;
  by("start").textContent = "Learn";
}

by("start").addEventListener("click", () => (learning ? engine.call("stop") : learn()));

// ---- 3: labels

// A row's picture, or its first values.
async function showChosen(row) {
  by("picture").hidden = !(source && source.pictures && row >= 0);
  showClasses();
  if (row < 0) return say("chosen-text", "Choose a point above.");
  const parts = [`Example ${row}`];
  if (labels.given[row] >= 0) parts.push(`labelled ${labels.classes[labels.given[row]]}`);
  else if (labels.predicted) parts.push(`predicted ${labels.classes[labels.predicted[row]]}`);
  if (source.pictures) drawRow(by("picture"), source.pictures, row);
  else {
    const { values } = await engine.call("row", { row });
    const shown = values.slice(0, 6).map((value, n) => `${data.columns[n] || n} ${value === null ? "missing" : Number(value.toPrecision(4))}`);
    parts.push(shown.join(", ") + (values.length > 6 ? ", .." : ""));
  }
  say("chosen-text", parts.join(": ") + ".");
}

function showClasses() {
  const chosen = scatter.chosen;
  by("classes").replaceChildren(...(labels ? labels.classes : []).map((name, label) => {
    const button = document.createElement("button");
    const dot = document.createElement("i");
    dot.style.background = colour(label);
    button.append(dot, name);
    button.disabled = chosen < 0;
    button.setAttribute("aria-pressed", String(chosen >= 0 && labels.given[chosen] === label));
    button.addEventListener("click", () => give(label));
    return button;
  }));
  by("reveal").hidden = !(labels && labels.known);
  by("reveal").disabled = !(labels && frame && labels.canReveal);
}

// The same label again takes it away.
function give(label) {
  const row = scatter.chosen;
  if (row < 0 || !frame) return;
  labels.given[row] = labels.given[row] === label ? -1 : label;
  classify().then(() => showChosen(row));
}

async function classify() {
  if (!frame) return;
  if (labels.numClasses < 2) {
    labels.predicted = labels.byInputs = null;
    showResult();
    return;
  }
  try {
    const answer = await engine.call("classify", { classes: labels.classes, labels: labels.given });
    // The classifier knows the classes that have labels.
    const names = answer.classes.map((name) => labels.classes.indexOf(name));
    labels.predicted = answer.predicted.map((label) => names[label]);
    labels.byInputs = answer.byInputs.map((label) => names[label]);
    showResult(answer);
  } catch (error) {
    say("classify-text", error.message, true);
  }
}

function showResult(answer) {
  by("count").textContent = labels ? labels.count : 0;
  const learned = labels && labels.accuracy(labels.predicted);
  const raw = labels && labels.accuracy(labels.byInputs);
  by("accuracy").textContent = learned ? percent(learned.share) : answer ? percent(answer.estimate) : "-";
  by("accuracy-raw").textContent = raw ? percent(raw.share) : answer ? percent(answer.inputs) : "-";
  by("save-predictions").disabled = !answer;
  if (answer) {
    const where = learned ? `measured on ${learned.rows} rows` : "estimated by cross-validation on your labels";
    const read = answer.learned ? "learned features and raw values, blended"
      : "raw values alone: learned features do not help beyond doubt";
    say("classify-text", `Accuracy is ${where}. The classifier reads ${read}.`);
  } else {
    say("classify-text", "A classifier needs labels of two classes.");
  }
  showClasses();
  scatter.draw();
}

by("new-class").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = by("class-name").value.trim();
  if (!name || !labels) return;
  const label = labels.add(name);
  by("class-name").value = "";
  showClasses();
  give(label);
});
by("reveal").addEventListener("click", () => {
  labels.reveal(2);
  classify();
});
by("clear").addEventListener("click", () => {
  labels.clear();
  showResult();
});
// Digits label the chosen point by the number of its class.
by("scatter").addEventListener("keydown", (event) => {
  const label = "0123456789".indexOf(event.key);
  if (event.key.length === 1 && label >= 0 && label < labels.classes.length) give(label);
});

// ---- 4: files

async function save(name, type) {
  const { files } = await engine.call("save");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([files[name]], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

by("save-encoder").addEventListener("click", () => save("encoder.safetensors", "application/octet-stream"));
by("save-predictions").addEventListener("click", () => save("predictions.csv", "text/csv"));

for (const { name, text } of JSON.parse(by("rules").textContent)) by("rule").append(new Option(text, name));
engine.opened.then(chooseSource, (error) => say("data-text", error.message, true));
// For tests and the curious.
window.playground = { engine, scatter, get frame() { return frame; }, get labels() { return labels; } };
