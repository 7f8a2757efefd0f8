"""What can happen to a liver over years, one story a function: it writes levels, visits and context.

`catalogue` lists them with how often each is met and in whom; the other files are one clinical concept each.
"""

from service.population.courses.catalogue import COURSES, Course

__all__ = ["COURSES", "Course"]
