import { describe, expect, it } from 'vitest';
import { refuseCrossSite } from '../../../src/http/hooks/refuse-cross-site.ts';
import { codeOf } from '../../support/app-error.ts';

const PUBLIC_URL = 'https://repo.example.com/below';

type Headers = Readonly<Record<string, string>>;

function send(headers: Headers, method = 'PUT'): () => void {
  return () => refuseCrossSite({ method, headers: { host: 'repo.example.com', ...headers } }, PUBLIC_URL);
}

describe('a request that changes something', () => {
  it.each<[string, Headers]>([
    ['a program sends', {}],
    [
      'a page below public_url sends',
      { origin: 'https://repo.example.com', 'sec-fetch-site': 'same-origin' },
    ],
    ['such a page sends from an older browser', { origin: 'https://repo.example.com' }],
    ['a browser’s user begins', { 'sec-fetch-site': 'none' }],
    ['a page at the same address sends', { origin: 'http://10.1.2.3:5000', host: '10.1.2.3:5000' }],
    ['such a page sends through nginx', { origin: 'http://10.1.2.3:8080', host: '10.1.2.3' }],
    ['a page at the same IPv6 address sends', { origin: 'http://[::1]:5000', host: '[::1]:5000' }],
    ['a page on this machine sends', { origin: 'http://localhost:5000', host: 'localhost:5000' }],
    ['a page at port 80 sends', { origin: 'http://127.0.0.1', host: '127.0.0.1' }],
  ])('is taken when %s it', (_who, headers) => {
    expect(send(headers)).not.toThrow();
  });

  it.each<[string, Headers]>([
    ['of another site', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }],
    ['of another site, in an older browser', { origin: 'https://evil.example' }],
    ['whose browser keeps the origin to itself', { origin: 'null' }],
    ['of another site, without an origin', { 'sec-fetch-site': 'cross-site' }],
    ['of a neighbour', { origin: 'https://ci.example.com', 'sec-fetch-site': 'same-site' }],
    ['of a neighbour, without an origin', { 'sec-fetch-site': 'same-site' }],
    [
      'that claims the origin of the service from elsewhere',
      { origin: 'https://repo.example.com', 'sec-fetch-site': 'cross-site' },
    ],
    ['that came without TLS', { origin: 'http://repo.example.com' }],
    ['at another port', { origin: 'https://repo.example.com:8443' }],
    ['at another port of the same address', { origin: 'http://127.0.0.1:8080', host: '127.0.0.1:5000' }],
    ['at another address', { origin: 'http://10.1.2.4', host: '10.1.2.3' }],
    // The owner of the name may let it lead here.
    ['of a name that equals the host', { origin: 'http://evil.example:5000', host: 'evil.example:5000' }],
    [
      'of a name that looks like an address',
      { origin: 'http://127.0.0.1.evil.example', host: '127.0.0.1.evil.example' },
    ],
    ['of an extension', { origin: 'chrome-extension://127.0.0.1', host: '127.0.0.1' }],
    ['with two origins', { origin: 'https://repo.example.com, https://evil.example' }],
    ['whose browser says something new', { origin: 'https://repo.example.com', 'sec-fetch-site': 'other' }],
    ['with an origin that is none', { origin: 'x'.repeat(8_000) }],
    ['without a host', { origin: 'http://127.0.0.1', host: '' }],
  ])('is refused when it is of a page %s', (_which, headers) => {
    expect(codeOf(send(headers))).toBe('CROSS_SITE_REFUSED');
  });
});

it.each(['GET', 'HEAD', 'OPTIONS'])('%s is taken from every page', (method) => {
  expect(send({ origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }, method)).not.toThrow();
});
