/**
 * The path below which clients reach the service, which a proxy in front removes: `/rpm` of `https://h/rpm`, empty
 * without one.
 */
export function toPublicPath(publicUrl: string): string {
  return (URL.parse(publicUrl)?.pathname ?? '').replace(/\/+$/, '');
}
