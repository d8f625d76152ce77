import { execa } from 'execa';

const CURL_LIMIT_MS = 90_000;

export interface CurlResult {
  /** 0 when no answer came. */
  readonly status: number;
  readonly body: string;
  /** Bytes of the body that curl sent. */
  readonly sentBytes: number;
}

/** The real curl. A refusal is a result; curl's own failure (no connection, no answer) an exception. */
export async function runCurl(...args: readonly string[]): Promise<CurlResult> {
  const { stdout } = await execa('curl', ['-sS', '-w', '\n%{http_code} %{size_upload}', ...args], {
    timeout: CURL_LIMIT_MS,
    stdin: 'ignore',
    stripFinalNewline: false,
    // Nothing of the machine's own configuration or proxy.
    env: { HOME: '/nonexistent', no_proxy: '*' },
  });
  const end = stdout.lastIndexOf('\n');
  const [status, sentBytes] = stdout
    .slice(end + 1)
    .split(' ')
    .map(Number);
  return { status: status ?? 0, body: stdout.slice(0, end), sentBytes: sentBytes ?? 0 };
}
