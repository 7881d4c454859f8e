// Reads files with one of npm's readers of C2PA, or evaluates a rubric: read.mjs WHAT, JSON in,
// answers out. It stands beside its node_modules: scripts/readers.py copies it there.
import fs from "node:fs";
import { fileURLToPath } from "node:url";

const SETTINGS = { verify: { remote_manifest_fetch: false } };
const VALID = new Set(["Valid", "Trusted"]);

// Codes that tell what fails. A signer that no list names is no fault of the file.
function codes(found) {
  return [...new Set(found)].filter((code) => !/trusted$/.test(code)).sort().join(", ");
}

// The answer of a reader on c2pa-rs.
function answer(store) {
  const found = codes((store.validation_status ?? []).map((status) => status.code));
  return VALID.has(store.validation_state) && !found ? "Valid" : found || store.validation_state;
}

async function node() {
  const { Reader } = await import("@contentauth/c2pa-node");
  return async ({ path, mime, sidecar, segments }) => {
    if (segments.length) return "no segments by themselves";
    const asset = { buffer: fs.readFileSync(path), mimeType: mime };
    const reader = sidecar
      ? await Reader.fromManifestDataAndAsset(fs.readFileSync(sidecar), asset, SETTINGS)
      : await Reader.fromAsset(asset, SETTINGS);
    return reader ? answer(reader.json()) : "no manifest found";
  };
}

// Node.js reads a Blob at leisure alone, and this reader wants its bytes at once.
class Bytes extends Blob {
  constructor(bytes) {
    super([bytes]);
    this.bytes = bytes;
  }
  slice(from, to) {
    return new Bytes(this.bytes.subarray(from, to));
  }
}
globalThis.FileReaderSync ??= class {
  readAsArrayBuffer({ bytes }) {
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  }
};

async function wasm() {
  const c2pa = await import("@contentauth/c2pa-wasm");
  const module = fileURLToPath(import.meta.resolve("@contentauth/c2pa-wasm/c2pa.wasm"));
  c2pa.initSync({ module: fs.readFileSync(module) });
  return async ({ path, mime, sidecar, segments }) => {
    if (sidecar) return "no sidecars";
    const blob = (path) => new Bytes(fs.readFileSync(path));
    for (const segment of segments) {
      const reader = await c2pa.WasmReader.fromBlobFragment(mime, blob(path), blob(segment));
      const said = answer(JSON.parse(reader.json()));
      if (said !== "Valid") return said;
    }
    if (segments.length) return "Valid";
    const reader = await c2pa.WasmReader.fromBytes(mime, new Uint8Array(fs.readFileSync(path)));
    return answer(JSON.parse(reader.json()));
  };
}

async function typescript() {
  const { BMFF, JPEG, MP3, PNG } = await import("@trustnxt/c2pa-ts/asset");
  const { SuperBox } = await import("@trustnxt/c2pa-ts/jumbf");
  const { ManifestStore, ValidationResult } = await import("@trustnxt/c2pa-ts/manifest");
  // Its reader of boxes is general; the list of brands that it lets in names pictures alone.
  for (const brand of ["isom", "mp42", "qt  ", "M4A "]) BMFF.canReadBrands?.add(brand);
  return async ({ path, sidecar, segments }) => {
    if (segments.length) return "no segments by themselves";
    const bytes = new Uint8Array(fs.readFileSync(path));
    const kind = [JPEG, PNG, BMFF, MP3].find((kind) => kind?.canRead(bytes));
    if (sidecar || !kind) return "not a kind it reads";
    const asset = await (kind.create?.(bytes) ?? new kind(bytes));
    const store = await asset.getManifestJUMBF();
    // Of ID3 it knows application/x-c2pa-manifest-store alone, not application/c2pa.
    if (!store) return kind === MP3 ? "looks for an older media type" : "no manifest found";
    let result;
    try {
      result = await ManifestStore.read(SuperBox.fromBuffer(store)).validate(asset);
    } catch (error) {
      result = ValidationResult.fromError(error);
    }
    if (result.isValid) return "Valid";
    return codes(result.statusEntries.filter((entry) => !entry.success).map((entry) => entry.code));
  };
}

// A rubric's named expressions become functions, as its evaluator has them: arguments are $args.
async function rubric() {
  const { default: JsonFormula } = await import("@adobe/json-formula");
  return ({ variables, expressions, statements, data }) => {
    const names = [...Object.keys(variables), "$args"];
    const parser = new JsonFormula();
    const functions = {};
    for (const [name, text] of Object.entries(expressions)) {
      const tree = parser.compile(text.trim(), names);
      functions[name] = {
        _func: (args, current, interpreter) => {
          const saved = interpreter.globals.$args;
          interpreter.globals.$args = args;
          try {
            return interpreter.search(tree, current);
          } finally {
            interpreter.globals.$args = saved;
          }
        },
        _signature: text.includes("$args") ? [{ types: [1], variadic: true }] : [],
      };
    }
    const formula = new JsonFormula(functions);
    return statements.map((text) => {
      try {
        return { value: formula.search(text.trim(), data, { ...variables, $args: [] }) };
      } catch (error) {
        return { error: String(error) };
      }
    });
  };
}

const READERS = { "c2pa-node": node, "c2pa-wasm": wasm, "c2pa-ts": typescript, rubric };
const read = await READERS[process.argv[2]]();
const answers = [];
for (const file of JSON.parse(fs.readFileSync(0))) {
  try {
    answers.push(await read(file));
  } catch (error) {
    answers.push(`error: ${error?.message ?? error}`);
  }
}
process.stdout.write(JSON.stringify(answers));
