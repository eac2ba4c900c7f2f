-- Users who saved (snapshot).
SELECT userid, login_name, realname FROM profiles WHERE userid IN ({users})
