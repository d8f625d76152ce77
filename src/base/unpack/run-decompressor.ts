import type { ExecaError } from 'execa';
import { AppError } from '../../errors.ts';
import { isNotInstalled } from '../programs/describe-ending.ts';
import { loadExeca } from '../programs/load-execa.ts';

// Twice what the largest preset takes (xz -9: 65 MiB); a file may name a dictionary of 4 GiB, which xz would reserve.
const XZ_MEMORY_LIMIT = '--memlimit-decompress=128MiB';
const MAX_REPORT_BYTES = 64 * 1024;

const TOOLS = {
  xz: { options: [XZ_MEMORY_LIMIT, '-dc'], hint: 'apt-get install xz-utils, or dnf install xz' },
  bzip2: { options: ['-dc'], hint: 'apt-get install bzip2, or dnf install bzip2' },
} as const;

/**
 * The content of a file, unpacked by the system's xz or bzip2. The tool runs at the reader's pace and ends with it.
 * @throws AppError INDEX_ENGINE_MISSING; Error with the tool's words.
 */
export async function* runDecompressor(
  tool: keyof typeof TOOLS,
  path: string,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { execa, ExecaError } = await loadExeca();
  const child = execa(tool, TOOLS[tool].options, {
    ...(signal !== undefined && { cancelSignal: signal }),
    buffer: { stdout: false },
    maxBuffer: MAX_REPORT_BYTES,
    // On standard input, without its name: the tool's words may go to a client, and would tell it a path of this
    // machine.
    stdin: { file: path },
    env: { LC_ALL: 'C.UTF-8' },
  });
  // The listener is there from the beginning: the tool may fail before its output has ended.
  const failure = child.then(
    () => undefined,
    (error: unknown) => error,
  );
  try {
    yield* child.stdout;
    const error = await failure;
    if (error instanceof ExecaError) throw explain(tool, error);
    if (error !== undefined) throw error;
  } finally {
    child.kill();
    await failure;
  }
}

function explain(tool: keyof typeof TOOLS, error: ExecaError): Error {
  if (isNotInstalled(error)) {
    return new AppError(
      'INDEX_ENGINE_MISSING',
      `${tool} is not installed, so metadata that it compressed cannot be read`,
      {
        hint: `Install it: ${TOOLS[tool].hint}.`,
        cause: error,
      },
    );
  }
  return new Error(error.stderr === '' ? error.shortMessage : String(error.stderr), { cause: error });
}
