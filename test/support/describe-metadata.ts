import { execa } from 'execa';

const SCRIPT = `
import createrepo_c as cr, json, sys

repomd = cr.Repomd(sys.argv[1] + '/repodata/repomd.xml')
paths = {record.type: sys.argv[1] + '/' + record.location_href for record in repomd.records}
packages = {}
def take(package):
    packages[package.pkgId] = package
    return True
def known(pkgid, name, arch):
    return packages.get(pkgid)
def refuse(kind, message):
    raise SystemExit(message)
cr.xml_parse_primary(paths['primary'], pkgcb=take, warningcb=refuse, do_files=False)
cr.xml_parse_filelists(paths['filelists'], newpkgcb=known, warningcb=refuse)
cr.xml_parse_other(paths['other'], newpkgcb=known, warningcb=refuse)
names = ['name', 'epoch', 'version', 'release', 'arch', 'summary', 'description', 'url', 'time_build', 'rpm_license',
         'rpm_vendor', 'rpm_group', 'rpm_buildhost', 'rpm_sourcerpm', 'rpm_header_start', 'rpm_header_end', 'rpm_packager',
         'size_package', 'size_installed', 'size_archive', 'location_href', 'checksum_type', 'requires', 'provides',
         'conflicts', 'obsoletes', 'suggests', 'enhances', 'recommends', 'supplements', 'files', 'changelogs']
print(json.dumps({pkgid: {name: getattr(package, name) for name in names} for pkgid, package in packages.items()},
                 sort_keys=True, default=str))
`;

/**
 * Every package of a repository by its pkgid with all that primary, filelists and other say of it, as createrepo_c's own
 * reader understands it. Rejects when that reader has anything to complain about.
 */
export async function describeMetadata(repositoryDir: string): Promise<Readonly<Record<string, unknown>>> {
  // Debian's python3-createrepo-c belongs to the system's Python, whatever comes first in PATH.
  const { stdout } = await execa('/usr/bin/python3', ['-c', SCRIPT, repositoryDir], { stdin: 'ignore' });
  return JSON.parse(stdout);
}
