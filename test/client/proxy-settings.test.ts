import { describe, expect, it } from 'vitest';
import { proxySettings } from '../../src/client/proxy-settings.ts';
import { appErrorOf } from '../support/app-error.ts';

describe('proxySettings', () => {
  const env = { HTTP_PROXY: 'http://a:1', HTTPS_PROXY: 'http://b:2', NO_PROXY: 'c' };

  it('takes the variable of the protocol', () => {
    expect(proxySettings('http:', env)).toEqual({ HTTP_PROXY: 'http://a:1/', NO_PROXY: 'c' });
    expect(proxySettings('https:', env)).toEqual({ HTTPS_PROXY: 'http://b:2/', NO_PROXY: 'c' });
  });

  it('takes lower case first, and a proxy without a scheme for one that speaks HTTP', () => {
    expect(proxySettings('http:', { ...env, http_proxy: 'ci:x@d:3' })).toMatchObject({
      HTTP_PROXY: 'http://ci:x@d:3/',
    });
    expect(proxySettings('http:', { http_proxy: '', HTTP_PROXY: 'a:1' })).toEqual({
      HTTP_PROXY: 'http://a:1/',
    });
  });

  it('goes through none where the variable is absent or empty', () => {
    expect(proxySettings('http:', { HTTPS_PROXY: 'b', NO_PROXY: 'c' })).toEqual({});
    expect(proxySettings('https:', { HTTPS_PROXY: '' })).toEqual({});
  });

  it.each([['socks5://ci:secret@a:1'], ['http://'], ['http://ci:secret@a:port']])(
    'refuses %s without repeating it',
    (proxy) => {
      const error = appErrorOf(() => proxySettings('https:', { https_proxy: proxy }));
      expect(error.code).toBe('PARAMETER_INVALID');
      expect(`${error.message} ${error.hint}`).not.toContain('secret');
    },
  );
});
