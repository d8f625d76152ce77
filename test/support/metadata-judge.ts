import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

// Reads two repositories with createrepo_c's own reader and with libsolv, and says in what they differ. Lives on, because
// loading the libraries takes longer than a comparison.
const SCRIPT = `
import createrepo_c as cr, ctypes, gc, hashlib, json, os, re, solv, sys, tempfile, gzip

# Nothing here refers to itself.
gc.disable()
zstd = ctypes.CDLL('libzstd.so.1')
zstd.ZSTD_decompress.restype = ctypes.c_size_t
zstd.ZSTD_decompress.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]

FIELDS = ['pkgId', 'name', 'epoch', 'version', 'release', 'arch', 'summary', 'description', 'url', 'time_build',
          'time_file', 'rpm_license', 'rpm_vendor', 'rpm_group', 'rpm_buildhost', 'rpm_sourcerpm', 'rpm_header_start',
          'rpm_header_end', 'rpm_packager', 'size_package', 'size_installed', 'size_archive', 'location_href',
          'location_base', 'checksum_type', 'requires', 'provides', 'conflicts', 'obsoletes', 'suggests', 'enhances',
          'recommends', 'supplements', 'files', 'changelogs']
DEPENDENCIES = ['PROVIDES', 'REQUIRES', 'CONFLICTS', 'OBSOLETES', 'RECOMMENDS', 'SUGGESTS', 'SUPPLEMENTS', 'ENHANCES']
TEXTS = ['SUMMARY', 'DESCRIPTION', 'LICENSE', 'GROUP', 'URL', 'VENDOR', 'PACKAGER', 'BUILDHOST']

def content_of(path, packed, size):
    if path.endswith('.gz'):
        return gzip.decompress(packed)
    if not path.endswith('.zst'):
        return packed
    content = ctypes.create_string_buffer(size)
    found = zstd.ZSTD_decompress(content, size, packed, len(packed))
    if found != size:
        raise ValueError('libzstd finds %d bytes in %s' % (found, path))
    return content.raw

def named_files(directory):
    repomd = cr.Repomd(directory + '/repodata/repomd.xml')
    return {record.type: record for record in repomd.records}

def check_files(directory, records):
    faults, contents = [], {}
    for kind, record in records.items():
        path = directory + '/' + record.location_href
        packed = open(path, 'rb').read()
        contents[kind] = content_of(path, packed, record.size_open)
        facts = [('checksum', record.checksum, hashlib.sha256(packed).hexdigest()), ('size', record.size, len(packed)),
                 ('open-size', record.size_open, len(contents[kind]))]
        faults += ['%s of %s is %s' % (name, kind, found) for name, stated, found in facts if stated != found]
        stated = int(re.search(rb' packages="(\\d+)"', contents[kind]).group(1))
        found = len(re.findall(rb'<package ', contents[kind]))
        if stated != found:
            faults.append('%s says %d packages and has %d' % (kind, stated, found))
    return faults, contents

def by_createrepo(directory, records, contents):
    packages = {}
    def take(package):
        if package.pkgId in packages:
            raise ValueError(package.pkgId + ' is there twice')
        packages[package.pkgId] = package
        return True
    def known(pkgid, name, arch):
        return packages[pkgid]
    def refuse(kind, message):
        raise ValueError(message)
    with tempfile.TemporaryDirectory() as work:
        paths = {}
        for kind, record in records.items():
            paths[kind] = directory + '/' + record.location_href
            if paths[kind].endswith('.zst'):
                paths[kind] = work + '/' + kind + '.xml'
                open(paths[kind], 'wb').write(contents[kind])
        cr.xml_parse_primary(paths['primary'], pkgcb=take, warningcb=refuse, do_files=False)
        cr.xml_parse_filelists(paths['filelists'], newpkgcb=known, warningcb=refuse)
        cr.xml_parse_other(paths['other'], newpkgcb=known, warningcb=refuse)
    return {package.location_href: {field: getattr(package, field) for field in FIELDS} for package in packages.values()}

def by_libsolv(directory, records):
    pool = solv.Pool()
    pool.setarch('x86_64')
    repo = pool.add_repo('r')
    for kind, flags in [('primary', 0), ('filelists', solv.Repo.REPO_EXTEND_SOLVABLES), ('other', solv.Repo.REPO_EXTEND_SOLVABLES)]:
        file = solv.xfopen(directory + '/' + records[kind].location_href)
        if file is None or not repo.add_rpmmd(file, None, flags):
            raise ValueError('libsolv refuses %s: %s' % (kind, pool.errstr))
        file.close()
    packages = {}
    for one in repo.solvables:
        facts = {'nevra': str(one), 'checksum': str(one.lookup_checksum(solv.SOLVABLE_CHECKSUM))}
        for name in DEPENDENCIES:
            facts[name] = [str(dep) for dep in one.lookup_deparray(getattr(solv, 'SOLVABLE_' + name))]
        for name in TEXTS:
            facts[name] = one.lookup_str(getattr(solv, 'SOLVABLE_' + name))
        facts['files'] = sorted(match.str for match in one.Dataiterator(solv.SOLVABLE_FILELIST))
        facts['changelogs'] = sorted(match.str for match in one.Dataiterator(solv.SOLVABLE_CHANGELOG_TEXT))
        packages[one.lookup_location()[0]] = facts
    return packages

def read(directory):
    records = named_files(directory)
    if sorted(records) != ['filelists', 'other', 'primary']:
        raise ValueError('repomd.xml names %s' % sorted(records))
    faults, contents = check_files(directory, records)
    order = re.findall(rb'<location [^>]*href="([^"]*)"', contents['primary'])
    return {'faults': faults, 'createrepo': by_createrepo(directory, records, contents),
            'solv': by_libsolv(directory, records), 'isSorted': len(order) == len(set(order)),
            'bytes': sum(len(content) for content in contents.values())}

def differences(reader, ours, theirs):
    found = ['%s: only %s has %s' % (reader, 'the first' if location in ours else 'the second', location)
             for location in ours.keys() ^ theirs.keys()]
    for location in ours.keys() & theirs.keys():
        mine, other = ours[location], theirs[location]
        found += ['%s: %s of %s: %.300r and %.300r' % (reader, name, location, mine[name], other[name])
                  for name in mine if mine[name] != other[name]]
    return found

for line in sys.stdin:
    directories = json.loads(line)
    try:
        ours, theirs = read(directories[0]), read(directories[1])
        found = ours['faults'] + theirs['faults']
        for reader in ['createrepo', 'solv']:
            found += differences(reader, ours[reader], theirs[reader])
        answer = {'differences': found[:20], 'packageCount': len(ours['createrepo']), 'bytes': ours['bytes'],
                  'fileCount': sum(len(one['files']) for one in ours['solv'].values())}
    except Exception as error:
        answer = {'differences': [repr(error)], 'packageCount': 0, 'bytes': 0, 'fileCount': 0}
    print(json.dumps(answer), flush=True)
`;

export interface Judgement {
  /** What the two readers find different, and what repomd.xml says wrongly: empty when all is well. */
  readonly differences: readonly string[];
  readonly packageCount: number;
  /** Of the three files' text. */
  readonly bytes: number;
  /** Of all packages together, as libsolv counts them. */
  readonly fileCount: number;
}

/** Compares the metadata of two repositories, which may be of any compression. */
export interface MetadataJudge extends AsyncDisposable {
  compare(repositoryDir: string, otherDir: string): Promise<Judgement>;
}

/** Starts the one process that answers all questions. */
export function startMetadataJudge(): MetadataJudge {
  // Debian's python3-createrepo-c and python3-solv belong to the system's Python, whatever comes first in PATH.
  const child: ChildProcessWithoutNullStreams = spawn('/usr/bin/python3', ['-c', SCRIPT]);
  const ended = once(child, 'close');
  let errorText = '';
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    errorText += piece;
  });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    compare: async (repositoryDir, otherDir) => {
      child.stdin.write(`${JSON.stringify([repositoryDir, otherDir])}\n`);
      const answer = await answers.next();
      if (answer.done === true) throw new Error(`the judge ended: ${errorText}`);
      return JSON.parse(answer.value);
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await ended;
    },
  };
}
