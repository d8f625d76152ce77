/** A part of an upload's time that is measured. */
export type UploadStage = 'inspect' | 'signature' | 'sign' | 'sync' | 'place';
