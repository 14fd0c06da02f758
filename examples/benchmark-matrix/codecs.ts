// The codecs that Node has, each with its levels.
import { promisify } from 'node:util';
import zlib from 'node:zlib';

/** The names of the codecs. */
export const CODECS = ['gzip', 'deflate', 'brotli', 'zstd'] as const;

/** The name of a codec. */
export type CodecName = (typeof CODECS)[number];

/** A codec: bytes there and back. */
export interface Codec {
  readonly levels: { readonly min: number; readonly max: number };
  readonly compress: (bytes: Uint8Array, level: number) => Promise<Uint8Array>;
  readonly decompress: (bytes: Uint8Array) => Promise<Uint8Array>;
}

const gzip = promisify<Uint8Array, zlib.ZlibOptions, Uint8Array>(zlib.gzip);
const deflate = promisify<Uint8Array, zlib.ZlibOptions, Uint8Array>(zlib.deflate);
const brotli = promisify<Uint8Array, zlib.BrotliOptions, Uint8Array>(zlib.brotliCompress);

const KNOWN: Readonly<Record<Exclude<CodecName, 'zstd'>, Codec>> = {
  gzip: {
    levels: { min: 1, max: 9 },
    compress: (bytes, level) => gzip(bytes, { level }),
    decompress: promisify<Uint8Array, Uint8Array>(zlib.gunzip),
  },
  deflate: {
    levels: { min: 1, max: 9 },
    compress: (bytes, level) => deflate(bytes, { level }),
    decompress: promisify<Uint8Array, Uint8Array>(zlib.inflate),
  },
  brotli: {
    levels: { min: 0, max: 11 },
    compress: (bytes, level) =>
      brotli(bytes, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: level } }),
    decompress: promisify<Uint8Array, Uint8Array>(zlib.brotliDecompress),
  },
};

/** Returns a codec; undefined where this Node has none of the name: it has `zstd` from 22.15 on. */
export function findCodec(name: CodecName): Codec | undefined {
  return name === 'zstd' ? findZstd() : KNOWN[name];
}

function findZstd(): Codec | undefined {
  if (!('zstdCompress' in zlib)) return undefined;
  const zstd = promisify<Uint8Array, zlib.ZstdOptions, Uint8Array>(zlib.zstdCompress);
  return {
    levels: { min: 1, max: 19 },
    compress: (bytes, level) =>
      zstd(bytes, { params: { [zlib.constants.ZSTD_c_compressionLevel]: level } }),
    decompress: promisify<Uint8Array, Uint8Array>(zlib.zstdDecompress),
  };
}
