import { AppError } from '../errors.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The variables of the environment that Node's agents go by (`proxyEnv`), made from what curl takes in them. */
export interface ProxySettings {
  readonly HTTP_PROXY?: string;
  readonly HTTPS_PROXY?: string;
  readonly NO_PROXY?: string;
}

/**
 * The proxy for requests of one protocol, from HTTP_PROXY, HTTPS_PROXY and NO_PROXY, in upper or lower case. As curl takes
 * it, `proxy:3128` is an HTTP proxy; Node's agents would pass over it in silence, and over a proxy that speaks SOCKS.
 * @param protocol `http:` or `https:`.
 * @throws AppError PARAMETER_INVALID for a proxy that is not reached over HTTP.
 */
export function proxySettings(protocol: string, env: Environment): ProxySettings {
  const name = protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const proxy = variable(name, env);
  if (proxy === undefined) return {};
  const noProxy = variable('NO_PROXY', env);
  return { [name]: proxyUrl(name, proxy), ...(noProxy !== undefined && { NO_PROXY: noProxy }) };
}

/** In lower case first, as curl and Node do; build servers set a variable without a value to the empty string. */
function variable(name: string, env: Environment): string | undefined {
  return [env[name.toLowerCase()], env[name]].find((value) => value !== undefined && value !== '');
}

function proxyUrl(name: string, text: string): string {
  const url = URL.parse(text.includes('://') ? text : `http://${text}`);
  if (url !== null && /^https?:$/.test(url.protocol) && url.hostname !== '') return url.href;
  // The text may hold a password: the message does not repeat it.
  throw new AppError('PARAMETER_INVALID', `${name} is no proxy that is reached over HTTP`, {
    hint: `Set it to http://proxy.example.com:3128, or name the host of the service in NO_PROXY.`,
  });
}
