const SHA = 'ab'.repeat(32);
const NOT_FOUND = [404, 'NOT_FOUND'] as const;

/** A tree with one generation: path -> content. */
export const GENERATION_FILES: Readonly<Record<string, string>> = {
  '9/x86_64/mirrorlist': 'list',
  '9/x86_64/repodata/repomd.xml': 'public',
  '9/x86_64/repodata/repomd.xml.asc': 'public signature',
  '9/x86_64/repodata/@7/repomd.xml': 'seventh',
  '9/x86_64/repodata/@7/repomd.xml.asc': 'seventh signature',
  [`9/x86_64/repodata/${SHA}-primary.xml.gz`]: 'primary',
  '9/x86_64/Packages/a+b~1^2%25-1-1.el9.x86_64.rpm': 'package',
  '9/x86_64/Packages/.hidden.rpm': 'hidden',
  '9/x86_64/repodata/.repomd.xml': 'hidden',
};

/** URL below /repo/ -> what nginx and the service both answer: status, and content or error code. */
export const GENERATION_URLS: Readonly<Record<string, readonly [number, string]>> = {
  '9/x86_64/@7/repodata/repomd.xml': [200, 'seventh'],
  '9/x86_64/%407/repodata/repomd.xml': [200, 'seventh'],
  '9/x86_64/repodata/@7/repomd.xml': [200, 'seventh'],
  '9/x86_64/@7/repodata/@7/repomd.xml': [200, 'seventh'],
  '9/x86_64/@7/repodata/repomd.xml.asc': [200, 'seventh signature'],
  '9/x86_64/@7/repodata/repomd.xml.key': NOT_FOUND,
  [`9/x86_64/@7/repodata/${SHA}-primary.xml.gz`]: [200, 'primary'],
  '9/x86_64/@7/Packages/a+b~1%5E2%2525-1-1.el9.x86_64.rpm': [200, 'package'],
  // Packages are the repository's: a client with an older mirrorlist still gets them.
  '9/x86_64/@6/Packages/a+b~1%5E2%2525-1-1.el9.x86_64.rpm': [200, 'package'],
  '9/x86_64/@7/mirrorlist': [200, 'list'],
  '9/x86_64/@6/repodata/repomd.xml': NOT_FOUND,
  '9/x86_64/@6/': NOT_FOUND,
  '9/x86_64/@6/mirrorlist': NOT_FOUND,
  '9/x86_64/@0/Packages/a+b~1%5E2%2525-1-1.el9.x86_64.rpm': NOT_FOUND,
  '9/x86_64/@7/none': NOT_FOUND,
  '9/x86_64/@7/Packages/.hidden.rpm': NOT_FOUND,
  '9/x86_64/@7/Packages/%2ehidden.rpm': NOT_FOUND,
  '9/x86_64/@7/repodata/.repomd.xml': NOT_FOUND,
  '9/x86_64/@7/repodata/link.xml': NOT_FOUND,
  '9/x86_64/@7/@7/repodata/repomd.xml': NOT_FOUND,
  '9/x86_64/@7/x/@7/repodata/repomd.xml': NOT_FOUND,
  '@7/9/x86_64/repodata/repomd.xml': NOT_FOUND,
  '9/x86_64/@/repodata/repomd.xml': NOT_FOUND,
  '9/x86_64/@seven/repodata/repomd.xml': NOT_FOUND,
  '9/x86_64/@7/%2e%2e/%2e%2e/state': NOT_FOUND,
};
