/** Returns S3's name of an operation: `GetObject`, `UploadPart`, ... `copied`: the request names a source to copy from. */
export function operationOf(method: string, query: URLSearchParams, copied: boolean): string {
  if (query.has('partNumber') && method === 'PUT') return copied ? 'UploadPartCopy' : 'UploadPart';
  if (query.has('uploadId')) {
    const ofUpload = { POST: 'CompleteMultipartUpload', DELETE: 'AbortMultipartUpload', GET: 'ListParts' };
    return ofUpload[method as keyof typeof ofUpload] ?? method;
  }
  if (query.has('uploads')) return method === 'POST' ? 'CreateMultipartUpload' : 'ListMultipartUploads';
  if (query.has('list-type')) return 'ListObjectsV2';
  return { GET: 'GetObject', HEAD: 'HeadObject', PUT: 'PutObject', DELETE: 'DeleteObject' }[method] ?? method;
}
