// usage: node run_model.js MODEL.onnx ROWS.f32 SHAPE_JSON OUT.f32 OUTPUT_NAME
const fs = require('fs');
const ort = require('onnxruntime-node');

async function main() {
  const [model, rows, shape, out, name] = process.argv.slice(2);
  const session = await ort.InferenceSession.create(model);
  const bytes = fs.readFileSync(rows);
  const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const input = new ort.Tensor('float32', values, JSON.parse(shape));
  const {data} = (await session.run({input}))[name];
  fs.writeFileSync(out, Buffer.from(data.buffer, data.byteOffset, data.byteLength));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
