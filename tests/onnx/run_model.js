// usage: node run_model.js MODEL.onnx ROWS.f32 SHAPE_JSON OUT.f32 OUTPUT_NAME float32|float64
const fs = require('fs');
const ort = require('onnxruntime-node');

async function main() {
  const [model, rows, shape, out, name, type] = process.argv.slice(2);
  const session = await ort.InferenceSession.create(model);
  const bytes = fs.readFileSync(rows);
  const Numbers = type === 'float64' ? Float64Array : Float32Array;
  const start = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  const input = new ort.Tensor(type, new Numbers(start), JSON.parse(shape));
  const {data} = (await session.run({input}))[name];
  fs.writeFileSync(out, Buffer.from(data.buffer, data.byteOffset, data.byteLength));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
