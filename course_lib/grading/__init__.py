"""Assignments: from one source to the students' notebook, to the judge, and out to the learning platform.

python -m course_lib.grading --help

source        one text in MyST: the student's cells, the solutions, wrong answers, and the hidden side
assign        the student's notebook, once the judge judges as the source says
submission    what was handed in, read without trust
worker, wire  run a student's code inside a sandbox; the frames between it and the judge
sandbox       a process that can compute and nothing else
judge         one submission: asks functions for answers to questions of its own, and compares
collect       the platform's archive into a folder
batch         many submissions, with any executor
report        a page for each student, and what the marks say of the questions
export        the platform's own sheet, filled in
"""
