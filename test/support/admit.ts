import type { Access } from '../../src/trust/access.ts';
import { demand, type Requester } from '../../src/trust/requester.ts';

/** The sender of the request, when it may do what is needed, as the guard of a route asks. */
export async function admit(access: Access, ...asked: Parameters<Access['identify']>): Promise<Requester> {
  const requester = await access.identify(...asked);
  demand(requester, asked[1]);
  return requester;
}
