const NOT_FOUND = [404, 'NOT_FOUND'] as const;

/** A tree of several releasevers, one of them with a longer name: path -> content. */
export const RELEASEVER_FILES: Readonly<Record<string, string>> = {
  '9/x86_64/mirrorlist': 'list of 9',
  '9/x86_64/repodata/repomd.xml': 'of 9',
  '9/x86_64/repodata/@7/repomd.xml': 'seventh of 9',
  '9/x86_64/Packages/a-1-1.el9.x86_64.rpm': 'package of 9',
  '9/x86_64.repo': '[rpmyard-9-x86_64]',
  '7/x86_64/repodata/repomd.xml': 'of 7',
  '15/x86_64/repodata/repomd.xml': 'of 15',
  '15.6/x86_64/repodata/repomd.xml': 'of 15.6',
  'el9.4/x86_64/repodata/repomd.xml': 'of el9.4',
  '.state/secret': 'hidden',
};

/** A symbolic link in that tree, and what it leads to: it is not there. */
export const RELEASEVER_LINK = ['9.9', '15.6'] as const;

/** URL below /repo/ -> what nginx and the service both answer: status, and content or error code. */
export const RELEASEVER_URLS: Readonly<Record<string, readonly [number, string]>> = {
  '9/x86_64/repodata/repomd.xml': [200, 'of 9'],
  '9.4/x86_64/repodata/repomd.xml': [200, 'of 9'],
  '9%2E4/x86_64/repodata/repomd.xml': [200, 'of 9'],
  '/9.4//x86_64/./repodata/repomd.xml': [200, 'of 9'],
  '9.4/x86_64/repodata/repomd.xml?x=1': [200, 'of 9'],
  '9.4/x86_64/@7/repodata/repomd.xml': [200, 'seventh of 9'],
  '9.4/x86_64/Packages/a-1-1.el9.x86_64.rpm': [200, 'package of 9'],
  '9.4/x86_64/mirrorlist': [200, 'list of 9'],
  '9.4/x86_64.repo': [200, '[rpmyard-9-x86_64]'],
  '9.4.2009/x86_64/repodata/repomd.xml': [200, 'of 9'],
  '9-stream/x86_64/repodata/repomd.xml': [200, 'of 9'],
  '9-beta/x86_64/repodata/repomd.xml': [200, 'of 9'],
  '9.0-beta/x86_64/repodata/repomd.xml': [200, 'of 9'],
  '9.9/x86_64/repodata/repomd.xml': [200, 'of 9'],
  '7Server/x86_64/repodata/repomd.xml': [200, 'of 7'],
  '7Client/x86_64/repodata/repomd.xml': [200, 'of 7'],
  '7Workstation/x86_64/repodata/repomd.xml': [200, 'of 7'],
  '7ComputeNode/x86_64/repodata/repomd.xml': [200, 'of 7'],
  '7.9/x86_64/repodata/repomd.xml': [200, 'of 7'],
  '15-SP6/x86_64/repodata/repomd.xml': [200, 'of 15'],
  '15.7/x86_64/repodata/repomd.xml': [200, 'of 15'],
  '15.6/x86_64/repodata/repomd.xml': [200, 'of 15.6'],
  'el9.4/x86_64/repodata/repomd.xml': [200, 'of el9.4'],
  '10.0/x86_64/repodata/repomd.xml': NOT_FOUND,
  '09.4/x86_64/repodata/repomd.xml': NOT_FOUND,
  '9-test/x86_64/repodata/repomd.xml': NOT_FOUND,
  '9.x/x86_64/repodata/repomd.xml': NOT_FOUND,
  '9.4x/x86_64/repodata/repomd.xml': NOT_FOUND,
  '9./x86_64/repodata/repomd.xml': NOT_FOUND,
  '7server/x86_64/repodata/repomd.xml': NOT_FOUND,
  'el9.5/x86_64/repodata/repomd.xml': NOT_FOUND,
  '9/9.4/x86_64/repodata/repomd.xml': NOT_FOUND,
  'x/9.4/../../9.4/%2e%2e/.state/secret': NOT_FOUND,
  '9.4/.state/secret': NOT_FOUND,
};
