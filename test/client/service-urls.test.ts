import { describe, expect, it } from 'vitest';
import { parseServiceUrl, uploadUrl } from '../../src/client/service-urls.ts';
import { appErrorOf } from '../support/app-error.ts';

describe('parseServiceUrl', () => {
  it.each([
    ['http://repo.example.com', 'http://repo.example.com/upload'],
    ['http://repo.example.com/', 'http://repo.example.com/upload'],
    ['https://repo.example.com:8443/upload/', 'https://repo.example.com:8443/upload'],
    ['http://repo.example.com/rpm/upload', 'http://repo.example.com/rpm/upload'],
    ['https://repo.example.com/rpm/', 'https://repo.example.com/rpm/upload'],
    ['https://repo.example.com/rpm', 'https://repo.example.com/rpm/upload'],
  ])('takes %s', (text, upload) => {
    const urls = parseServiceUrl(text);
    expect(urls.upload.href).toBe(upload);
    expect(urls.api('uploads/4f5').href).toBe(upload.replace(/upload$/, 'api/v1/uploads/4f5'));
    expect(uploadUrl(urls, '9', '/resumable').href).toBe(`${upload}/resumable?releasever=9`);
  });

  it.each([
    ['nonsense'],
    ['ftp://repo.example.com/upload'],
    ['http://ci:secret@repo.example.com/upload'],
    ['http://secret@repo.example.com/upload'],
    ['http://repo.example.com/upload?token=secret'],
    ['http://repo.example.com/upload#secret'],
  ])('refuses %s and does not repeat what may be a secret', (text) => {
    const error = appErrorOf(() => parseServiceUrl(text));
    expect(error.code).toBe('PARAMETER_INVALID');
    expect(`${error.message} ${error.hint}`).not.toContain('secret');
  });
});
