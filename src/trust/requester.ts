import { AppError } from '../errors.ts';
import { createRights, type Right, type Rights } from './rights.ts';
import type { RepositoryName } from '../rpm/repository-name.ts';

/** The sender of a request. */
export interface Requester {
  /**
   * `local`: a command on this machine that could read the service's own token; `drop`: a user of
   * the server who may write into the drop directory.
   */
  readonly kind: 'anonymous' | 'token' | 'key' | 'local' | 'drop';
  /** The token's name or the key's id. */
  readonly name: string;
  readonly rights: Rights;
  /** False until something proves that the request comes from the sender that it names. */
  readonly isProven: boolean;
  /** The sender once the file has come, when only the file's content can prove it. @throws AppError SIGNATURE_INVALID. */
  readonly proveBy: (path: string) => Promise<Requester>;
}

// The state directories of all versions hold this text.
const ANONYMOUS_OWNER = 'anybody ';

/** The place in the configuration that gives rights, for hints. */
const RIGHTS_PLACE: Readonly<Record<Exclude<Requester['kind'], 'anonymous'>, string>> = {
  token: 'this right in the access section',
  key: 'this right in the access section',
  local: 'this right in the access section',
  drop: 'drop_directory.upload',
};

/** A requester that showed no credentials yet, or wrong ones. */
export const ANONYMOUS = createRequester({
  kind: 'anonymous',
  name: '',
  rights: createRights({}),
  isProven: false,
});

/** A requester that is known before a body comes. */
export function createRequester(fields: Omit<Requester, 'proveBy'>): Requester {
  const requester: Requester = { ...fields, proveBy: async () => requester };
  return requester;
}

/** The owner to whom the service counts what a requester leaves on the server. */
export function nameOwner({ kind, name }: Pick<Requester, 'kind' | 'name'>): string {
  return kind === 'anonymous' ? ANONYMOUS_OWNER : `${kind} ${name}`;
}

/** The right that a request needs: in one repository, in all of them, or in any. */
export interface Need {
  readonly right: Right;
  readonly in: { readonly repository: RepositoryName } | 'all' | 'some';
}

/** True when the requester's rights cover what is needed. */
export function covers({ rights }: Pick<Requester, 'rights'>, need: Need): boolean {
  if (need.in === 'all') return rights.mayEverywhere(need.right);
  if (need.in === 'some') return rights.maySomewhere(need.right);
  return rights.may(need.right, need.in.repository);
}

/** @throws AppError CREDENTIALS_MISSING of a client that sent none, RIGHT_MISSING of all others. */
export function demand(requester: Requester, need: Need): void {
  if (covers(requester, need)) return;
  if (requester.kind === 'anonymous') {
    throw new AppError('CREDENTIALS_MISSING', `this needs the right ${need.right}`, {
      hint: 'Send a token (curl -u ci:TOKEN, or Authorization: Bearer TOKEN) or sign the request, see docs/http.md.',
    });
  }
  throw new AppError(
    'RIGHT_MISSING',
    `${requester.kind} ${requester.name} lacks the right ${describe(need)}`,
    {
      hint: `Ask the administrator to add the repository to ${RIGHTS_PLACE[requester.kind]} of the configuration.`,
    },
  );
}

/** Refuses a sender whom only a file could prove, for a request without a file. @throws AppError SIGNATURE_INVALID. */
export function demandProven({ isProven }: Requester): void {
  if (isProven) return;
  throw new AppError('SIGNATURE_INVALID', 'X-Signature: sha1= proves who sends a file, and nothing else', {
    hint: 'Sign with sha256 as in docs/http.md, or use a token.',
  });
}

function describe(need: Need): string {
  if (need.in === 'all') return `${need.right} in all repositories`;
  if (need.in === 'some') return `${need.right} in any repository`;
  return `${need.right} in ${need.in.repository}`;
}
