import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { isBatchId } from '../api/batch-id.ts';
import { AppError, errnoOf } from '../errors.ts';
import { type ProxySettings, proxySettings } from '../client/proxy-settings.ts';
import { parseServiceUrl, type ServiceUrls } from '../client/service-urls.ts';
import { PUSH, PUSH_VARIABLES } from './commands.ts';

/** The arguments of `rpmyard push`, checked. */
export interface PushArguments {
  readonly files: readonly string[];
  readonly urls: ServiceUrls;
  readonly token: string | undefined;
  readonly buildUrl: string | undefined;
  readonly proxy: ProxySettings;
  readonly releasever: string | undefined;
  readonly batchId: string | undefined;
  readonly isBatchNamed: boolean;
  readonly isWaitWanted: boolean;
  readonly jobs: number;
  readonly timeoutMs: number;
  readonly isJson: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULT_JOBS = 4;
// More requests at once only wait for each other, and nginx refuses them (limit_conn).
const MAX_JOBS = 64;
const DEFAULT_TIMEOUT_SECONDS = 600;
const MAX_TIMEOUT_SECONDS = 7 * 24 * 60 * 60;
// The characters of a header (RFC 9110, section 5.5); no token and no URL has others.
const HEADER_TEXT = /^[\u0021-\u007e]{1,2000}$/;
const MAX_TOKEN_FILE_BYTES = 4096;

/** @throws AppError PARAMETER_INVALID. */
export function readPushArguments(args: readonly string[], env: Environment): PushArguments {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: PUSH.options,
    allowPositionals: true,
  });
  if (positionals.length === 0) throw invalid('no file is named', 'rpmyard push pkg.rpm');
  const url = values.url ?? given(env[PUSH_VARIABLES.url]);
  if (url === undefined) {
    throw invalid('no service is named', 'Add --url http://repo.example.com, or set RPMYARD_URL.');
  }
  const urls = parseServiceUrl(url);
  const isBatch = values.batch === true || values['batch-id'] !== undefined;
  return {
    files: positionals,
    urls,
    token: readToken(values['token-file'], env),
    buildUrl: readBuildUrl(env),
    proxy: proxySettings(urls.upload.protocol, env),
    releasever: values.releasever,
    batchId: isBatch ? readBatchId(values['batch-id']) : undefined,
    isBatchNamed: values['batch-id'] !== undefined,
    isWaitWanted: values.wait === true,
    jobs: readNumber('--jobs', values.jobs, { byDefault: DEFAULT_JOBS, max: MAX_JOBS }),
    timeoutMs:
      1000 *
      readNumber('--timeout', values.timeout, {
        byDefault: DEFAULT_TIMEOUT_SECONDS,
        max: MAX_TIMEOUT_SECONDS,
      }),
    isJson: values.json === true,
  };
}

/** The URL of the build job, for the audit log; taken only from variables that the build server itself sets. */
function readBuildUrl(env: Environment): string | undefined {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: run } = env;
  const onGithub =
    server === undefined || repository === undefined || run === undefined
      ? undefined
      : `${server}/${repository}/actions/runs/${run}`;
  const url = given(env['BUILD_URL']) ?? given(env['CI_JOB_URL']) ?? onGithub;
  return url !== undefined && HEADER_TEXT.test(url) ? url : undefined;
}

function readToken(file: string | undefined, env: Environment): string | undefined {
  const own = file === undefined ? given(env[PUSH_VARIABLES.token]) : undefined;
  const path = file ?? given(env[PUSH_VARIABLES.tokenFile]);
  if (own === undefined && path === undefined) return undefined;
  const token = (own ?? readTokenFile(path ?? '')).trim();
  if (HEADER_TEXT.test(token)) return token;
  throw invalid(
    own === undefined ? `${path} holds no token` : `${PUSH_VARIABLES.token} is no token`,
    'A token is one line as "rpmyard token new" prints it.',
  );
}

function readTokenFile(path: string): string {
  try {
    const text = readFileSync(path, 'latin1');
    return text.length > MAX_TOKEN_FILE_BYTES ? '' : text;
  } catch (error) {
    throw invalid(
      `the token file ${path} cannot be read (${errnoOf(error)})`,
      'Check its name and your rights.',
    );
  }
}

function readBatchId(id: string | undefined): string {
  if (id === undefined) return `push-${randomUUID()}`;
  if (isBatchId(id)) return id;
  throw invalid(
    'this cannot be the name of a batch',
    'It begins with a letter or digit; letters, digits, ".", "_" and "-" follow, 100 at most.',
  );
}

function readNumber(
  option: string,
  text: string | undefined,
  { byDefault, max }: { readonly byDefault: number; readonly max: number },
): number {
  if (text === undefined) return byDefault;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= max) return value;
  throw invalid(`${option} is no whole number from 1 to ${max}`, `Leave it out for ${byDefault}.`);
}

/** Build servers set a variable without a value to the empty string. */
function given(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}

function invalid(message: string, hint: string): AppError {
  return new AppError('PARAMETER_INVALID', message, { hint });
}
