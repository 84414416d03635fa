// usage: node run_model.js MODEL.onnx ROWS.f32 SHAPE_JSON FEATURES.f32
const fs = require('fs');
const ort = require('onnxruntime-node');

async function main() {
  const [model, rows, shape, out] = process.argv.slice(2);
  const session = await ort.InferenceSession.create(model);
  const bytes = fs.readFileSync(rows);
  const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const input = new ort.Tensor('float32', values, JSON.parse(shape));
  const {features} = await session.run({input});
  fs.writeFileSync(out, Buffer.from(features.data.buffer, features.data.byteOffset,
                                    features.data.byteLength));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
