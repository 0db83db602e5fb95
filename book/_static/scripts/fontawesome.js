// In place of the theme's icons, 1.5 MB for every page: course.css draws the few that the book shows.
