import { answerJobs } from '../../../base/threads/answer-jobs.ts';
import { rebuildGroups } from './rebuild-groups.ts';

answerJobs(rebuildGroups);
