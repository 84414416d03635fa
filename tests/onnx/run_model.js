// usage: node run_model.js MODEL.onnx ROWS SHAPE_JSON FEATURES.f32 [float32|float64]
const fs = require('fs');
const ort = require('onnxruntime-node');

async function main() {
  const [model, rows, shape, out, type = 'float32'] = process.argv.slice(2);
  const session = await ort.InferenceSession.create(model);
  const bytes = fs.readFileSync(rows);
  const Numbers = type === 'float64' ? Float64Array : Float32Array;
  const start = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  const input = new ort.Tensor(type, new Numbers(start), JSON.parse(shape));
  const {features} = await session.run({input});
  fs.writeFileSync(out, Buffer.from(features.data.buffer, features.data.byteOffset,
                                    features.data.byteLength));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
