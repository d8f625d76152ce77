import { answerJobs } from '../../base/threads/answer-jobs.ts';
import { type HeaderJob, readHeader } from '../read-header.ts';

answerJobs((job: HeaderJob) => readHeader(job));
