"""The student's zone: what runs in a child beside the student's code. `serving` answers the requests.

Only these files touch a live object of a student, and only the fork server imports them.
"""
