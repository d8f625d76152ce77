import { answerJobs } from '../../base/threads/answer-jobs.ts';
import { digestFile } from './digest-file.ts';

answerJobs(digestFile);
