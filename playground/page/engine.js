// The page's side of the worker: calls that return promises.

// Binary parts of the page, each gzip in base64: engine.wasm, digits-x.npy, digits-y.npy.
const assets = JSON.parse(document.getElementById("assets").textContent);

class Engine {
  constructor() {
    const source = document.getElementById("worker").textContent;
    this.worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
    this.waiting = new Map();
    this.lastId = 0;
    this.onFrame = () => {};
    this.onProgress = () => {};
    this.worker.onmessage = ({ data }) => {
      if (data.frame) return this.onFrame(data.frame);
      if (data.progress) return this.onProgress(data.progress);
      const { resolve, reject } = this.waiting.get(data.id);
      this.waiting.delete(data.id);
      if (data.error) reject(new Error(data.error));
      else resolve(data.answer);
    };
    this.worker.onerror = (event) => {
      for (const { reject } of this.waiting.values()) reject(new Error(event.message));
      this.waiting.clear();
    };
    this.opened = this.call("open", { wasm: assets["engine.wasm"] });
  }

  call(call, args = {}) {
    const id = ++this.lastId;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, call, ...args });
    });
  }
}
