import { execa, ExecaError } from 'execa';
import { AppError } from '../errors.ts';

// As much as xz -9 takes, several times; a file that needs more would not be read by clients either.
const XZ_MEMORY_LIMIT = '--memlimit-decompress=512MiB';
const MAX_REPORT_BYTES = 64 * 1024;

const TOOLS = {
  xz: { options: [XZ_MEMORY_LIMIT, '-dc'], hint: 'apt-get install xz-utils, or dnf install xz' },
  bzip2: { options: ['-dc'], hint: 'apt-get install bzip2, or dnf install bzip2' },
} as const;

/**
 * What the system's xz or bzip2 makes of a file. The tool runs at the reader's pace and ends with it.
 * @throws AppError INDEX_ENGINE_MISSING; Error with the tool's words.
 */
export async function* runDecompressor(
  tool: keyof typeof TOOLS,
  path: string,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const child = execa(tool, [...TOOLS[tool].options, '--', path], {
    ...(signal !== undefined && { cancelSignal: signal }),
    buffer: { stdout: false },
    maxBuffer: MAX_REPORT_BYTES,
    stdin: 'ignore',
    env: { LC_ALL: 'C.UTF-8' },
  });
  // Listened to from the beginning: it may fail before its output has ended.
  const failure = child.then(
    () => undefined,
    (error: unknown) => error,
  );
  try {
    yield* child.stdout;
    const error = await failure;
    if (error !== undefined) throw explain(tool, path, error);
  } finally {
    child.kill();
    await failure;
  }
}

function explain(tool: keyof typeof TOOLS, path: string, error: unknown): unknown {
  if (!(error instanceof ExecaError)) return error;
  if (error.code === 'ENOENT' || error.code === 'EACCES') {
    return new AppError('INDEX_ENGINE_MISSING', `${tool} is not installed, so ${path} cannot be read`, {
      hint: `Install it: ${TOOLS[tool].hint}.`,
      cause: error,
    });
  }
  return new Error(error.stderr === '' ? error.shortMessage : String(error.stderr), { cause: error });
}
